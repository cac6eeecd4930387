-- The lines of a hold: { budget, amount, unit or false, current, previous, next window or false }.

local function refusal(reason, budget, remaining, resetAt)
  return { reason = reason, budget = budget, remaining = remaining, resetAt = resetAt }
end

-- With their numbers read and their windows picked, and whether one has a window; or nil and a refusal.
local function readLines(asked)
  local lines, windowed = {}, false
  for n = 1, #asked do
    local each = asked[n]
    local line = { budget = each[1], amount = whole(each[2]), unit = each[3] or nil }
    if each[4] then
      local window = windowAt(each)
      if not window then return nil, refusal('clock_skew', each[1], 0) end
      line.from, line.till, windowed = window[1], window[2], true
    end
    lines[n] = line
  end
  return { lines, windowed }
end

-- What was read of lines that many requests have in common. Nothing changes a line.
local resolved = {}

-- The lines, no refusal, and whether one has a window; or nil and a refusal.
local function resolveLines(asked, cross)
  if cross then return nil, refusal('cross_partition', cross, 0) end
  local known, by = resolved[asked], nil
  if not known then
    known, by = readLines(asked)
    if not known then return nil, by end
    resolved[asked] = known
  end
  local lines = known[1]
  for n = 1, #lines do
    if not budgetOf(lines[n].budget) then return nil, refusal('unknown_budget', lines[n].budget, 0) end
  end
  return lines, nil, known[2]
end

-- Why lines cannot be placed: the first budget that says no.
local function refuseLines(lines, overdraft)
  for n = 1, #lines do
    local line = lines[n]
    local budget = budgetOf(line.budget)
    local reason, remaining = refusedBy(budget, line.amount)
    if reason and not (overdraft and budget.state == 'open') then
      local helps = line.till and budget.state == 'open' and line.amount <= (budget.initial or 0)
      return refusal(reason, budget.id, remaining, helps and line.till or nil)
    end
  end
  -- What is there is held without a debt, and that fits.
  if not overdraft then return end
  for _, line in ipairs(lines) do
    local budget = budgetOf(line.budget)
    if not fits(budget, 0, line.amount - math.min(line.amount, budget.available)) then
      return refusal('overflow', budget.id, budget.available)
    end
  end
end
