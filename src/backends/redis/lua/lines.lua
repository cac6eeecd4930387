-- The lines of a hold: { budget, amount, unit or false, current, previous, next window or false }.

local function windowAt(line)
  for n = 4, 6 do
    local from, till = whole(line[n][1]), whole(line[n][2])
    if from <= clock and clock < till then return { from, till } end
  end
end

local function refusal(reason, budget, remaining, resetAt)
  return { reason = reason, budget = budget, remaining = remaining, resetAt = resetAt }
end

-- The lines with their numbers read and their windows picked, or nil and a refusal.
local function resolveLines(asked, cross)
  if cross then return nil, refusal('cross_partition', cross, 0) end
  local lines = {}
  for n, each in ipairs(asked) do
    local line = { budget = each[1], amount = whole(each[2]), unit = each[3] or nil }
    if each[4] then
      local window = windowAt(each)
      if not window then return nil, refusal('clock_skew', each[1], 0) end
      line.from, line.till = window[1], window[2]
    end
    lines[n] = line
  end
  for _, line in ipairs(lines) do
    if not budgetOf(line.budget) then return nil, refusal('unknown_budget', line.budget, 0) end
  end
  return lines
end

-- Begins a budget anew; false when the balance would not fit.
local function openWindow(budget, line, id)
  if budget.from and line.from > budget.from then
    local allotment, left, debt = budget.initial or 0, budget.available, budget.debt
    if not fits(budget, allotment + debt, 0 - debt) then return false end
    local note = noteOf('window', id, clock)
    apply(budget, note, 'window', nil, allotment - left, 0, 0, 0 - debt, allotment + debt, 0, left)
  end
  if not budget.from or line.from > budget.from then
    budget.from, budget.till = line.from, line.till
    budgets.changed[budget.id] = true
  end
  return true
end

-- Opens the windows that the lines fall in and that are not open yet. Opening belongs to the clock, not to the call: it
-- stays when the call is refused.
local function openWindows(lines, id)
  for _, line in ipairs(lines) do
    local budget = budgetOf(line.budget)
    if line.from and budget.state == 'open' then
      if budget.family then return refusal('windowed', budget.id, budget.available) end
      if budget.from and line.from < budget.from then return refusal('clock_skew', budget.id, budget.available) end
      local before = budget.available
      if not openWindow(budget, line, id) then return refusal('overflow', budget.id, before) end
    end
  end
end

-- Why lines cannot be placed: the first budget that says no.
local function refuseLines(lines, overdraft)
  for _, line in ipairs(lines) do
    local budget = budgetOf(line.budget)
    local reason, remaining = refusedBy(budget, line.amount)
    if reason and not (overdraft and budget.state == 'open') then
      local helps = line.till and budget.state == 'open' and line.amount <= (budget.initial or 0)
      return refusal(reason, budget.id, remaining, helps and line.till or nil)
    end
  end
  for _, line in ipairs(lines) do
    local budget = budgetOf(line.budget)
    if not fits(budget, 0, line.amount - math.min(line.amount, budget.available)) then
      return refusal('overflow', budget.id, budget.available)
    end
  end
end

local function isMoney(line)
  return line.unit == nil or line.unit == 'credits'
end

-- Whether a line was placed in a window that is over: it ends there.
local function isPast(line)
  return line.from ~= nil and line.from ~= budgetOf(line.budget).from
end

local function sameLines(lines, asked)
  if #lines ~= #asked then return false end
  for n, line in ipairs(lines) do
    local other = asked[n]
    if line.budget ~= other[1] or line.amount ~= whole(other[2]) or (line.unit or 'credits') ~= (other[3] or 'credits') then
      return false
    end
  end
  return true
end

local function inOrder(lines, keyOf)
  local keys = {}
  for n, line in ipairs(lines) do keys[n] = keyOf(line) end
  table.sort(keys)
  return table.concat(keys, ',')
end

-- Whether a hold puts aside what these lines ask for, in any order.
local function isHoldOf(lines, asked)
  local function held(line) return line.budget .. ' ' .. digits(line.amount) .. ' ' .. (line.unit or 'credits') end
  local function wanted(line) return line[1] .. ' ' .. digits(whole(line[2])) .. ' ' .. (line[3] or 'credits') end
  return inOrder(lines, held) == inOrder(asked, wanted)
end
