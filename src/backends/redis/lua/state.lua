-- What a step of a partition reads and writes.

local budgetsKey, childrenKey, holdsKey, answersKey, deadlinesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local forgetKey, countsKey, revokedKey, metaKey, ledgerKey = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local openingsKey = KEYS[11]

local budgets, holds, answers, counts = recordsOf(budgetsKey), recordsOf(holdsKey), recordsOf(answersKey), recordsOf(countsKey)
-- Deadlines and times to forget, as they must be written: a time, or false to take it out.
local deadlines, forgetAt = {}, {}
-- Children that were made in this step, or forgotten: by parent, and by member.
local born, gone = {}, {}
-- Entries of the ledger, number and text in turn.
local entries = {}
-- Bans that were made in this step, and those that are over; `banVersion` grows with each.
local banned, unbanned, banVersion = {}, {}, 0
-- The tokens of this step, by the number that a request names.
local authorities = {}
-- The clock never goes back; `sequence` counts entries; no charge up to `mark` is known to be new; `bans` that there are.
local clock, sequence, mark, bans = 0, 0, 0, 0

local function budgetOf(id)
  return get(budgets, id)
end

local function writeChildren(removed)
  local add, rem = {}, {}
  for parent, names in pairs(born) do
    for _, name in ipairs(names) do
      add[#add + 1] = '0'
      add[#add + 1] = parent .. ' ' .. name
    end
  end
  for member in pairs(gone) do rem[#rem + 1] = member end
  inParts(add, 'ZADD', childrenKey)
  if #rem > 0 then removed[#removed + 1] = { rem, 'ZREM', childrenKey } end
end

local function writeBans(removed)
  local set, del = {}, {}
  for field, value in pairs(banned) do
    set[#set + 1] = field
    set[#set + 1] = value
  end
  for field in pairs(unbanned) do del[#del + 1] = field end
  inParts(set, 'HSET', revokedKey)
  if #del > 0 then removed[#removed + 1] = { del, 'HDEL', revokedKey } end
end

-- Writes all that was decided. What needs memory comes first: the server refuses it only before a script's first write.
local function write(kept)
  local times = next(deadlines) or next(forgetAt) or next(gone) or next(banned) or next(unbanned)
  local records = next(budgets.changed) or next(holds.changed) or next(answers.changed) or next(counts.changed)
  if not (times or records or #entries > 0) then return end
  foldOld(kept)
  local removed = {}
  redis.call('HSET', metaKey, 'clock', digits(clock), 'seq', digits(sequence), 'mark', digits(mark), 'bans', digits(bans),
    'folded', digits(foldedTo) .. ' ' .. digits(foldedAt))
  writeLedger(removed)
  for _, each in ipairs({ budgets, holds, answers, counts }) do writeRecords(each, removed) end
  writeTimes(deadlines, deadlinesKey, removed)
  writeTimes(forgetAt, forgetKey, removed)
  writeChildren(removed)
  writeBans(removed)
  for _, each in ipairs(removed) do inParts(unpack(each)) end
end
