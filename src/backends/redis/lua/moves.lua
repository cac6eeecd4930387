-- Money that moves without a hold, and budgets that end.

local MOST_CHILDREN = 1000
local DEEPEST = 16

local function newBudget(id, initial, parent)
  return { id = id, state = 'open', available = 0, held = 0, spent = 0, debt = 0, received = 0, out = 0, burned = 0,
    holds = 0, live = 0, initial = initial, parent = parent }
end

local function initialize(op)
  local id, credits = op[4][1], whole(op[5])
  local known = budgetOf(id)
  if known then
    return known.initial == credits and { 'there' } or { 'exists', known.initial and digits(known.initial) or false }
  end
  local budget = newBudget(id, credits)
  budgets.known[id] = budget
  receive(budget, noteOf('grant', 'initialize:' .. id, clock), 'grant', credits)
  return { 'made' }
end

local function refusedMove(reason, budget, remaining)
  return { 'refused', reason, budget, digits(remaining or 0) }
end

local function closedOr(budget)
  return budget and 'closed' or 'unknown_budget'
end

local function isOpen(budget)
  return budget and budget.state == 'open'
end

local function grant(op)
  local id = op[4][1]
  return once(op, function()
    local budget, amount = budgetOf(id), whole(op[7])
    if not isOpen(budget) then return refusedMove(closedOr(budget), id) end
    if not canReceive(budget, amount) then return refusedMove('overflow', id, budget.available) end
    receive(budget, noteOf('grant', op[6], clock), 'grant', amount)
    return { 'moved', digits(budget.available) }
  end, function() return refusedMove('id_reused', id) end)
end

-- Which cap of a budget, or of one above it, a transfer to a budget below it would pass.
local function beyondCaps(from, isNew, amount)
  local caps = from.caps or {}
  local levels, each = 0, from
  while isNew and each do
    levels = levels + 1
    if levels > math.min(DEEPEST, each.caps and each.caps.depth or DEEPEST) then return 'depth_exceeded' end
    each = parentOf(each)
  end
  if isNew and from.live >= math.min(MOST_CHILDREN, caps.children or MOST_CHILDREN) then return 'children_exceeded' end
  if amount > (caps.amount or math.huge) then return 'amount_exceeded' end
end

-- Whether a token may move credits from there to there, and why not.
local function refuseMove(authority, from, to, create, fromId, toId)
  local payer = from and payerOf(authority)
  if not payer then return refusedMove('unknown_budget', fromId) end
  if not to and not create then return refusedMove('unknown_budget', toId) end
  local isNear = not to or to.id == payer.parent or isBelow(to, payer)
  if payer ~= from or not isNear then return refusedMove('not_descendant', toId) end
end

local function childOf(from, toId, request, create, authority)
  local child = newBudget(toId, nil, from.id)
  if create == true then return child end
  child.registration, child.by = create[1], request
  child.caps = { depth = wholeOr(create[3]), children = wholeOr(create[4]), amount = wholeOr(create[5]) }
  if authority then
    child.origin = { prefixes = authority.prefixes, nonce = authority.nonce, issuedAt = authority.issuedAt }
  end
  local outer = endOf(from)
  child.ends = wholeOr(create[2], outer)
  if outer and child.ends > outer then child.ends = outer end
  return child
end

local function makeTransfer(op)
  local fromId, toId, request, amount, create = op[4][1], op[4][2], op[6], whole(op[7]), op[8]
  local authority = authorities[op[9]]
  if op[10] then return refusedMove('cross_partition', toId) end
  local from, to = budgetOf(fromId), budgetOf(toId)
  local stranger = authority and refuseMove(authority, from, to, create, fromId, toId)
  if stranger then return stranger end
  if not isOpen(from) then return refusedMove(closedOr(from), fromId) end
  if not isOpen(to) and (to or not create) then return refusedMove(closedOr(to), toId) end
  local isForToken = type(create) == 'table'
  if to and create and (to.parent ~= fromId or (isForToken and to.by ~= request)) then
    return refusedMove('unknown_budget', toId)
  end
  local isDown = not to or toId ~= from.parent
  local counted = isDown and amount or 0
  local left = authority and leftOf(authority) or math.huge
  -- Whoever creates it twice has not heard the first answer, however long ago that was.
  if to and isForToken then return { 'moved', digits(math.min(from.available, left)) } end
  local function refused(reason)
    return refusedMove(reason, fromId, math.min(from.available, reason == 'revoked' and 0 or left))
  end
  if not to and isForToken and wholeOr(create[2], math.huge) <= clock then return refusedMove('closed', toId) end
  if not to and from.from then return refused('windowed') end
  if authority and isRevoked(authority) then return refused('revoked') end
  local beyond = isDown and beyondCaps(from, isForToken, amount)
  if beyond then return refused(beyond) end
  local used = authority and refuseUse(authority, counted, false)
  if used then return refused(used) end
  local short = refusedBy(from, amount)
  if short then return refused(short) end
  if to and not canReceive(to, amount) then
    return refusedMove('overflow', toId, authority and 0 or to.available)
  end
  local note = noteOf('transfer', request, clock)
  local child = to or childOf(from, toId, request, create, authority)
  send(from, note, 'transfer', amount, toId)
  receive(child, note, 'transfer', amount, fromId)
  if not to then addChild(child, from) end
  if authority then countUse(authority, counted, false) end
  return { 'moved', digits(math.min(from.available, left - counted)) }
end

local function transfer(op)
  return once(op, makeTransfer, function() return refusedMove('id_reused', op[4][1]) end)
end

local function refuseClose(budget, authority)
  if not budget then return 'unknown_budget' end
  if authority then
    if not payerOf(authority) then return 'unknown_budget' end
    if not covers(authority, budget) then return 'not_descendant' end
    if budget.state ~= 'open' then return 'closed' end
    if isRevoked(authority) then return 'revoked' end
  end
  if budget.state ~= 'open' then return 'closed' end
end

local function close(op)
  return once(op, function()
    local budget = budgetOf(op[4][1])
    local reason = refuseClose(budget, authorities[op[7]])
    if reason then return { 'refused', reason } end
    return { 'closed', digits(closeAll({ budget }, op[6], clock)) }
  end, function() return { 'refused', 'id_reused' } end)
end

-- Whether a budget was delegated by what is revoked.
local function isRevokedWith(budget, kind, value, named)
  local origin = budget.origin
  if kind == 'prefixId' then
    if budget.registration == value then return true end
    for _, id in ipairs(origin and origin.prefixes or {}) do
      if id == value then return true end
    end
    return false
  end
  if kind == 'nonce' then return origin ~= nil and origin.nonce == value end
  return origin ~= nil and (budget == named or isBelow(budget, named)) and origin.issuedAt < whole(value)
end

-- Keeps a ban; the longer of two for the same.
local function ban(kind, value, till, budget)
  banVersion = banVersion + 1
  local field = (kind == 'nonce' and 'n' or 'p') .. value
  if kind == 'issuedBefore' then field, till = 'c' .. budget, nil end
  local known = banned[field] or (not unbanned[field] and redis.call('HGET', recordsKey, 'v' .. field))
  if not known then bans = bans + 1 end
  unbanned[field] = nil
  if kind == 'issuedBefore' then
    banned[field] = digits(math.max(whole(value), known and tonumber(known) or 0))
    return
  end
  local isForEver = not till or known == ''
  till = not isForEver and math.max(till, known and tonumber(known) or 0) or nil
  banned[field] = till and digits(till) or ''
  deadlines['v' .. field] = till or false
end

local function makeRevoke(op)
  local named, request, kind, value = budgetOf(op[4][1]), op[6], op[7], op[8]
  if not named then return { 'refused', 'unknown_budget' } end
  if kind ~= 'issuedBefore' and bans >= MOST_BANS then return { 'refused', 'full' } end
  local root = named
  while parentOf(root) do root = parentOf(root) end
  local revoked = {}
  for _, each in ipairs(subtree({ root })) do
    if isRevokedWith(each, kind, value, named) then revoked[#revoked + 1] = each end
  end
  local returned = closeAll(revoked, request, clock)
  ban(kind, value, wholeOr(op[9], nil), named.id)
  return { 'revoked', digits(returned) }
end

local function revoke(op)
  return once(op, makeRevoke, function() return { 'refused', 'id_reused' } end)
end

local function listOr(list)
  return #list > 0 and list or false
end

local function describe(op)
  local budget, authority = budgetOf(op[4][1]), authorities[op[5]]
  -- To whom it is not shown, it is not there.
  if not budget or (authority and (not covers(authority, budget) or isRevoked(authority))) then return { 'unknown_budget' } end
  local ends = endOf(budget)
  return { budget.state, digits(budget.available), digits(budget.held), digits(budget.spent), digits(budget.debt),
    digits(budget.received), digits(budget.out), digits(budget.burned), digits(budget.holds), budget.parent or false,
    listOr(childrenOf(budget.id)), budget.initial and digits(budget.initial) or false,
    budget.from and digits(budget.from) or false, budget.till and digits(budget.till) or false,
    budget.registration or false, ends and digits(ends) or false,
    authority and listOr(usedList(authority.root, authority.ceilings)) or false,
    authority and listOr(usedList(authority.root, authority.calls)) or false,
    digits(budget.leases or 0), digits(budget.leased or 0), digits(budget.forfeited or 0) }
end

-- What may be asked that is no matter of every call.
local MOVES = { initialize = initialize, grant = grant, transfer = transfer, close = close, revoke = revoke, describe = describe }
