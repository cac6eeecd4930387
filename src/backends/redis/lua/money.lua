-- Balances: the same arithmetic as src/budget/hold.ts. A budget's record has the columns of a balance; `received` is
-- `in`. Every change of one is an entry.

local REMEMBERED_MS = 600000

-- Text as JSON.
local function quoted(value)
  if value:find('^[%w%-_.:/ ]*$') then return '"' .. value .. '"' end
  return cjson.encode(value)
end

-- What a note ends with, by tool: most steps are about few of them.
local ofTool = {}

local function toolTail(tool)
  ofTool[tool] = ',' .. (tool and quoted(tool) or 'null') .. ']'
  return ofTool[tool]
end

-- What an entry says beside its numbers: the verb, whose request, when, and for which tool.
local function noteOf(op, id, at, tool)
  tool = tool or false
  return { op = op, at = digits(at), tail = '[' .. quoted(id) .. (ofTool[tool] or toolTail(tool)) }
end

-- `change`: available, held, spent, debt, received, out, burned; each is signed.
local function apply(budget, note, op, counter, available, held, spent, debt, received, out, burned)
  budget.available = budget.available + available
  budget.held = budget.held + held
  budget.spent = budget.spent + spent
  budget.debt = budget.debt + debt
  budget.received = budget.received + received
  budget.out = budget.out + out
  budget.burned = budget.burned + burned
  budgets.changed[budget.id] = true
  sequence = sequence + 1
  local count = #entries
  local known = written
  entries[count + 1] = digitsOnce(sequence)
  entries[count + 2] = note.at .. ' ' .. op .. ' ' .. budget.id .. ' ' .. (counter or '-') .. ' '
    .. (known[available] or digits(available)) .. ' ' .. (known[held] or digits(held)) .. ' '
    .. (known[spent] or digits(spent)) .. ' ' .. (known[debt] or digits(debt)) .. ' '
    .. (known[received] or digits(received)) .. ' ' .. (known[out] or digits(out)) .. ' '
    .. (known[burned] or digits(burned)) .. ' ' .. note.tail
end

-- Whether a balance stays within 2^53-1: in two halves, for the sum of all four may be rounded down to what would fit.
local function fits(budget, received, debt)
  return budget.received + received + (budget.debt + debt) <= MAX
end

local function holdMoney(budget, note, amount)
  local paid = amount <= budget.available and amount or budget.available
  apply(budget, note, note.op, nil, 0 - paid, amount, 0, amount - paid, 0, 0, 0)
  return amount - paid
end

-- Whether a budget can pay, and why not.
local function refusedBy(budget, cost)
  if not budget then return 'unknown_budget', 0 end
  if budget.state ~= 'open' then return 'closed', 0 end
  if cost <= budget.available then return nil, budget.available end
  return budget.available == 0 and 'exhausted' or 'insufficient', budget.available
end
