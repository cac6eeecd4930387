-- The oldest entries become openings.

local ENTRY = '^(%d+) %S+ (%S+) %S+' .. (' (%-?%d+)'):rep(7) .. ' '
local NO_ENTRIES = '0 0 0 0 0 0 0 0 0'

local function loadOpenings(ids)
  for from = 1, #ids, MOST_ARGS do
    local part = { unpack(ids, from, math.min(from + MOST_ARGS - 1, #ids)) }
    for n, text in ipairs(redis.call('HMGET', openingsKey, unpack(part))) do
      openings[part[n]] = openings[part[n]] or numbersOf(text or NO_ENTRIES)
    end
  end
end

-- Adds sums by budget to their openings.
local function addOpenings(sums)
  local ids = {}
  for id in pairs(sums) do ids[#ids + 1] = id end
  loadOpenings(ids)
  for id, sum in pairs(sums) do
    local opening = openings[id]
    opening[1], opening[2] = sum[1], sum[2]
    for n = 3, 9 do opening[n] = opening[n] + sum[n] end
  end
end

local function foldEntries(kept)
  local sums = {}
  foldedTo = foldPlaces(ledgerKey, kept, folded, sequence, #entries / 2, function(text, seq)
    local found = { text:match(ENTRY) }
    local id, at = found[2], tonumber(found[1])
    local sum = sums[id] or { 0, 0, 0, 0, 0, 0, 0, 0, 0 }
    sums[id], sum[1], sum[2] = sum, seq, at
    foldedAt = math.max(foldedAt, at)
    for n = 3, 9 do sum[n] = sum[n] + tonumber(found[n]) end
  end)
  if foldedTo > folded then addOpenings(sums) end
end

-- A budget that nobody knows any more keeps no opening of its own, or there would be more of them for ever: it is added to
-- that of all such budgets of its tenant.
local function joinEnded()
  loadOpenings(ended)
  for _, id in ipairs(ended) do
    local all = id:match('^[^/]*/') .. '(closed)'
    if not openings[all] then loadOpenings({ all }) end
    local opening, sum = openings[id], openings[all]
    local isExact = true
    for n = 3, 9 do isExact = isExact and sum[n] + opening[n] <= MAX end
    if isExact and opening[1] > 0 then
      for n = 1, 2 do sum[n] = math.max(sum[n], opening[n]) end
      for n = 3, 9 do sum[n] = sum[n] + opening[n] end
      openings[id] = false
    end
  end
end

-- Writes openings, and cuts off what they are the sums of.
local function writeOpenings(removed)
  local set, del = {}, {}
  for id, opening in pairs(openings) do
    if opening then
      local numbers = {}
      for n = 1, 9 do numbers[n] = digits(opening[n]) end
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
