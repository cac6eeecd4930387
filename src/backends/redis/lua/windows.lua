-- The windows that lines fall in.

local function windowAt(line)
  for n = 4, 6 do
    local from, till = whole(line[n][1]), whole(line[n][2])
    if from <= clock and clock < till then return { from, till } end
  end
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
