-- Credits that come in, or pass from one budget to another.

local function receive(budget, note, op, amount, counter)
  local repaid = math.min(amount, budget.debt)
  apply(budget, note, op, counter, amount - repaid, 0, 0, 0 - repaid, amount, 0, 0)
end

local function canReceive(budget, amount)
  return fits(budget, amount, 0 - math.min(amount, budget.debt))
end

local function send(budget, note, op, amount, counter)
  apply(budget, note, op, counter, 0 - amount, 0, 0, 0, 0, amount, 0)
end

local function burn(budget, note, op)
  apply(budget, note, op, nil, 0 - budget.available, 0, 0, 0, 0, 0, budget.available)
end
