-- The books: the newest entries are kept whole, the older ones of each budget as their sum, which is its opening. So what
-- is there always adds up to the balances.

-- What openings must become in this step: budget → { seq, at, available, held, spent, debt, received, out, burned, 1 if
-- it was closed } of its folded entries, up to the last of them; false to take it out.
local openings = {}
-- Up to which number entries were folded, before this step and after it; budgets that are forgotten, with all their entries.
local folded, foldedTo, ended = 0, 0, {}
-- The latest time of what is folded.
local foldedAt = 0

local function foldOld(kept)
  if sequence - kept > folded then foldEntries(kept) end
  if #ended > 0 then joinEnded() end
end

-- Writes entries and openings.
local function writeLedger(removed)
  if #entries > 0 then writePlaces(ledgerKey, entries, sequence) end
  if next(openings) then writeOpenings(removed) end
end
