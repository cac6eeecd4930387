-- What a step of a partition reads and writes.

local recordsKey, childrenKey, deadlinesKey, forgetKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ledgerKey, openingsKey = KEYS[5], KEYS[6]

local budgets, holds = recordsOf(recordsKey, 'b'), recordsOf(recordsKey, 'h')
local answers, counts = recordsOf(recordsKey, 'a'), recordsOf(recordsKey, 'c')
-- Deadlines and times to forget, as they must be written: a time, or false to take it out.
local deadlines, forgetAt = {}, {}
-- Children that were made in this step, or forgotten: by parent, and by member.
local born, gone = {}, {}
-- Entries of the ledger, number and text in turn.
local entries = {}
-- Bans that were made in this step, and those that are over; `banVersion` grows with each.
local banned, unbanned, banVersion = {}, {}, 0
-- The tokens of this step and the lines that are asked for, by the number that a request names.
local authorities, askedLines = {}, {}
-- The clock never goes back; `sequence` counts entries; no charge up to `mark` is known to be new; `bans` that there are.
local clock, sequence, mark, bans = 0, 0, 0, 0
-- Nothing is due before `dueAt`, and what is old is looked for from `lookAt` on, or when more is `remembered` than may
-- be. None of the three is exact: what was taken out before its time is not taken off.
local dueAt, lookAt, remembered = math.huge, 0, 0

local function budgetOf(id)
  return budgets.known[id] or get(budgets, id)
end

-- Writes all that was decided. What needs memory comes first: the server refuses it only before a script's first write.
local function write(kept)
  local times = next(deadlines) or next(forgetAt) or next(gone) or next(banned) or next(unbanned)
  local records = next(budgets.changed) or next(holds.changed) or next(answers.changed) or next(counts.changed)
  if not (times or records or #entries > 0) then return end
  foldOld(kept)
  local removed = {}
  if next(deadlines) then dueAt = math.min(dueAt, (writeTimes(deadlines, deadlinesKey, removed))) end
  if next(forgetAt) then
    local _, more = writeTimes(forgetAt, forgetKey, removed)
    remembered = remembered + more
  end
  local set = { 'm', cmsgpack.pack({ clock, sequence, mark, bans, dueAt, lookAt, remembered, foldedTo, foldedAt }) }
  if next(banned) or next(unbanned) then addBans(set, removed) end
  writeRecords(recordsKey, { budgets, holds, answers, counts }, set, removed)
  writeLedger(removed)
  if next(born) or next(gone) then writeChildren(removed) end
  for n = 1, #removed do inParts(unpack(removed[n])) end
end
