-- Budgets below one another, and how they end.

local function childrenOf(id)
  local found = {}
  for _, member in ipairs(redis.call('ZRANGEBYLEX', childrenKey, '[' .. id .. ' ', '(' .. id .. '!')) do
    if not gone[member] then found[#found + 1] = member:sub(#id + 2) end
  end
  for _, child in ipairs(born[id] or {}) do found[#found + 1] = child end
  return found
end

local function parentOf(budget)
  return budget.parent and budgetOf(budget.parent)
end

local function isBelow(budget, above)
  local each = parentOf(budget)
  while each and each ~= above do each = parentOf(each) end
  return each and true or false
end

-- When a budget ends by itself, or nil for never.
local function endOf(budget)
  local each = budget
  while each do
    if each.registration then return each.ends end
    each = parentOf(each)
  end
end

-- Budgets and all below them, each once.
local function subtree(roots)
  local found, seen = {}, {}
  for _, root in ipairs(roots) do
    if not seen[root.id] then found[#found + 1] = root end
    seen[root.id] = true
  end
  local at = 1
  while at <= #found do
    local children = childrenOf(found[at].id)
    load(budgets, children)
    for _, id in ipairs(children) do
      if not seen[id] then found[#found + 1] = budgetOf(id) end
      seen[id] = true
    end
    at = at + 1
  end
  return found
end

local function shut(budget, at)
  if budget.state == 'closed' then return end
  budget.state = budget.held == 0 and 'closed' or 'closing'
  budgets.changed[budget.id] = true
  if budget.registration then deadlines['b' .. budget.id] = false end
  if budget.state == 'closing' then return end
  local parent = parentOf(budget)
  if parent then
    parent.live = parent.live - 1
    budgets.changed[parent.id] = true
  end
  -- What a lease has forfeited comes back through its budget, within a week.
  if budget.registration then forgetAt['b' .. budget.id] = at + REMEMBERED_MS + (budget.forfeited and 604800000 or 0) end
end

-- What budgets that close have goes to the nearest open ancestor, or is burned: also where the heir is full to 2^53-1,
-- for neither a close nor an expiry can be refused. One that has nothing has an entry all the same: the ledger alone must
-- say that it was closed.
local function handOn(closing, note, at)
  local isClosing = {}
  for _, budget in ipairs(closing) do isClosing[budget.id] = true end
  for _, budget in ipairs(closing) do
    local amount = budget.available
    if amount > 0 then
      local heir = parentOf(budget)
      while heir and (heir.state ~= 'open' or isClosing[heir.id]) do heir = parentOf(heir) end
      if heir and canReceive(heir, amount) then
        send(budget, note, 'close', amount, heir.id)
        receive(heir, note, 'close', amount, budget.id)
      else
        burn(budget, note, 'close')
      end
    elseif budget.state == 'open' then
      burn(budget, note, 'close')
    end
  end
  for _, budget in ipairs(closing) do shut(budget, at) end
end

-- Ends budgets and all below them; answers with what that gave back.
local function closeAll(roots, id, at)
  local closing = subtree(roots)
  local returned = 0
  for _, budget in ipairs(closing) do returned = returned + budget.available end
  handOn(closing, noteOf('close', id, at), at)
  return returned
end

-- Puts a new budget under its parent.
local function addChild(budget, parent)
  budgets.known[budget.id] = budget
  budgets.changed[budget.id] = true
  budgets.changed[parent.id] = true
  born[parent.id] = born[parent.id] or {}
  table.insert(born[parent.id], budget.id)
  parent.live = parent.live + 1
  parent.family = true
  local outer = endOf(parent)
  -- One that ends with its parent needs no end of its own.
  if budget.ends and not (outer and outer <= budget.ends) then deadlines['b' .. budget.id] = budget.ends end
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
