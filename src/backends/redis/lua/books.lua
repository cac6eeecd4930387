-- The oldest entries become openings.

local ENTRY = '^(%d+) (%S+) (%S+) %S+' .. (' (%-?%d+)'):rep(7) .. ' (.*)$'
local NO_ENTRIES = '0 0 0 0 0 0 0 0 0 0'

local function loadOpenings(ids)
  for from = 1, #ids, MOST_ARGS do
    local part = { unpack(ids, from, math.min(from + MOST_ARGS - 1, #ids)) }
    for n, text in ipairs(redis.call('HMGET', openingsKey, unpack(part))) do
      openings[part[n]] = openings[part[n]] or numbersOf(text or NO_ENTRIES)
    end
  end
end

-- Adds an opening to that of all budgets of its tenant that are over, unless that would leave 2^53-1.
local function joinOpening(id)
  local all = id:match('^[^/]*/') .. '(closed)'
  if not openings[all] then loadOpenings({ all }) end
  local opening, sum = openings[id], openings[all]
  local isExact = opening[1] > 0
  for n = 3, 9 do isExact = isExact and sum[n] + opening[n] <= MAX end
  if not isExact then return end
  for n = 1, 2 do sum[n] = math.max(sum[n], opening[n]) end
  for n = 3, 9 do sum[n] = sum[n] + opening[n] end
  openings[id] = false
end

-- Whether an entry may be the first of its budget: isBirth of src/ledger/entry.ts.
local function isFirst(op, id, received, tail)
  if op == 'transfer' then return received > 0 end
  local first = '[' .. quoted('initialize:' .. id) .. ','
  return op == 'grant' and tail:sub(1, #first) == first
end

-- Adds the lives of budgets to their openings. One that was closed and is made anew begins with nothing.
local function addOpenings(lives)
  local ids = {}
  for id in pairs(lives) do ids[#ids + 1] = id end
  loadOpenings(ids)
  for id, own in pairs(lives) do
    for _, life in ipairs(own) do
      if life.isFirst and openings[id][10] == 1 then
        joinOpening(id)
        openings[id] = openings[id] or numbersOf(NO_ENTRIES)
        openings[id][10] = 0
      end
      local opening = openings[id]
      opening[1], opening[2] = life[1], life[2]
      for n = 3, 9 do opening[n] = opening[n] + life[n] end
      opening[10] = math.max(opening[10] or 0, life[10])
    end
  end
end

local function foldEntries(kept)
  local lives = {}
  foldedTo = foldPlaces(ledgerKey, kept, folded, sequence, #entries / 2, function(text, seq)
    local found = { text:match(ENTRY) }
    local at, op, id, received = tonumber(found[1]), found[2], found[3], tonumber(found[8])
    local isNew = isFirst(op, id, received, found[11])
    local own = lives[id] or {}
    local life = own[#own]
    if not life or (isNew and life[10] == 1) then
      life = numbersOf(NO_ENTRIES)
      life.isFirst = isNew
      lives[id], own[#own + 1] = own, life
    end
    life[1], life[2] = seq, at
    foldedAt = math.max(foldedAt, at)
    for n = 3, 9 do life[n] = life[n] + tonumber(found[n + 1]) end
    if op == 'close' and received == 0 then life[10] = 1 end
  end)
  if foldedTo > folded then addOpenings(lives) end
end

-- A budget that nobody knows any more keeps no opening of its own, or there would be more of them for ever.
local function joinEnded()
  loadOpenings(ended)
  for _, id in ipairs(ended) do joinOpening(id) end
end

-- Writes openings, and cuts off what they are the sums of.
local function writeOpenings(removed)
  local set, del = {}, {}
  for id, opening in pairs(openings) do
    if opening then
      local numbers = {}
      for n = 1, 10 do numbers[n] = digits(opening[n] or 0) end
      set[#set + 1] = id
      set[#set + 1] = table.concat(numbers, ' ')
    else
      del[#del + 1] = id
    end
  end
  -- In the same hash, so that one command reads the sums and up to where they go.
  set[#set + 1] = '#'
  set[#set + 1] = digits(foldedTo) .. ' ' .. digits(foldedAt)
  inParts(set, 'HSET', openingsKey)
  if #del > 0 then removed[#removed + 1] = { del, 'HDEL', openingsKey } end
  if foldedTo > folded then removed[#removed + 1] = cutPlaces(ledgerKey, foldedTo) end
end
