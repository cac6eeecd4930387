-- Leases: holds for a process that decides by itself. A hold's record has `lease` where it is one: instance, least, most,
-- live, till (as it was answered), used (the most that was reported), back (the request that reconciled it, what it said,
-- what that returned). A budget's record has `leases`, `leased` and `forfeited`, as soon as there
-- was one.

local SHARE = 4

-- Counts a lease in its budget, or no more: what was not reported is forfeited if its time was up.
local function countLease(hold, by)
  local line = hold.lines[1]
  local budget = budgetOf(line.budget)
  budget.leases = (budget.leases or 0) + by
  budget.leased = (budget.leased or 0) + by * line.amount
  if by < 0 and hold.state == 'expired' then
    budget.forfeited = (budget.forfeited or 0) + line.amount - hold.lease.used
  end
end

-- A window would end while the lease goes on.
local function refuseWindow(budget)
  return budget.from and refusal('windowed', budget.id, budget.available)
end

local function unleased(reason)
  return { 'refused', reason }
end

local function isLeaseOf(hold, op, token)
  local lease = hold.lease
  local line = hold.refused and hold.refused.lines[1] or hold.lines[1]
  return lease and line and line.budget == op[4][1] and lease.instance == op[5] and hold.ttl == whole(op[6])
    and lease.least == whole(op[7]) and lease.most == whole(op[8]) and hold.token == token
end

local function leaseAnswer(hold)
  if hold.refused then return refusedHold(hold.refused) end
  local lease = hold.lease
  return { 'leased', digits(hold.lines[1].amount), digits(lease.till), digits(hold.remaining), digits(lease.live) }
end

-- { 'lease', id, false, { budget }, instance, ttl, least, most, authority }
local function takeLease(op)
  local id, authority = op[2], authorities[op[9]]
  local known = get(holds, id)
  if known then
    if isLeaseOf(known, op, authority and authority.token or nil) then return leaseAnswer(known) end
    return { 'refused', 'id_reused', op[4][1], '0', false }
  end
  local budget, ttl, least, most = budgetOf(op[4][1]), whole(op[6]), whole(op[7]), whole(op[8])
  local live = (budget and budget.leases or 0) + 1
  local share = math.floor((budget and budget.available or 0) / (SHARE * live))
  local amount = math.min(most, math.max(least, share))
  local lease = { instance = op[5], least = least, most = most, live = live, till = clock + ttl, used = 0 }
  local asked = { { op[4][1], digits(amount), false, false } }
  askedLines[#askedLines + 1] = asked
  local hold = { 'hold', id, false, op[4], #askedLines, op[6], 'capture', false, false, false, op[9], false, lease }
  local answer = placeHold(hold)
  return answer[1] == 'held' and leaseAnswer(get(holds, id)) or answer
end

-- A lease, by its id; nil for a hold that is none.
local function leaseOf(id)
  local hold = get(holds, id)
  return hold and hold.lease and hold.state ~= 'refused' and hold or nil
end

-- Why a lease cannot be used any more, or never had so much.
local function refuseOpen(hold, used)
  if not hold then return 'unknown_hold' end
  if hold.state == 'expired' then return 'lease_forfeited' end
  if hold.state ~= 'open' then return 'hold_ended' end
  if used > hold.lines[1].amount then return 'amount_exceeded' end
end

-- A lease ends with the right to spend, so that this reaches a process within the lease's time.
local function refuseGoingOn(hold, budget, authority)
  if hold.token ~= (authority and authority.token or nil) then return 'unknown_budget' end
  if authority and payerOf(authority) ~= budget then return 'unknown_budget' end
  if budget.state ~= 'open' then return 'closed' end
  if authority and isRevoked(authority) then return 'revoked' end
end

-- { 'renew', lease, false, {}, used, ttl, authority }
local function renew(op)
  local id, used = op[2], whole(op[5])
  local hold = leaseOf(id)
  local reason = refuseOpen(hold, used)
  if reason then return unleased(reason) end
  local budget = budgetOf(hold.lines[1].budget)
  hold.lease.used = math.max(hold.lease.used, used)
  put(holds, id, hold)
  reason = refuseGoingOn(hold, budget, authorities[op[7]])
  if reason then return unleased(reason) end
  hold.deadline = math.max(hold.deadline, clock + whole(op[6]))
  deadlines['h' .. id] = hold.deadline
  return { 'renewed', digits(hold.deadline), digits(budget.available), digits(budget.leases),
    budget.available < budget.leased }
end

-- { 'settle', lease, false, {}, request, used }
local function settleLease(op)
  local id, request, used = op[2], op[5], whole(op[6])
  local hold = leaseOf(id)
  local finish = hold and hold.finish
  if finish and finish.id == request and hold.state == 'captured' then
    if finish.amount ~= used then return unleased('id_reused') end
    return { 'settled', digits(finish.charged), digits(finish.returned) }
  end
  local reason = refuseOpen(hold, used)
  if reason then return unleased(reason) end
  -- Less than was reported is what was on its way for long.
  local event = { kind = 'capture', amount = math.max(used, hold.lease.used), overage = 'cap' }
  finish = endHold(id, hold, event, request, clock)
  finish.amount = used
  return { 'settled', digits(finish.charged), digits(finish.returned) }
end

-- { 'reconcile', lease, false, {}, request, used }
local function reconcile(op)
  local id, request, used = op[2], op[5], whole(op[6])
  local hold = leaseOf(id)
  if not hold then return unleased('unknown_hold') end
  local lease, line = hold.lease, hold.lines[1]
  local back = lease.back
  if back and back.id == request then
    return back.used == used and { 'reconciled', digits(back.returned) } or unleased('id_reused')
  end
  if hold.state == 'open' then return unleased('lease_open') end
  if hold.state ~= 'expired' or back then return unleased('hold_ended') end
  if used > line.amount then return unleased('amount_exceeded') end
  local budget = budgetOf(line.budget)
  if not budget then return unleased('unknown_hold') end
  local returned = line.amount - math.max(used, lease.used)
  if returned > 0 then
    local note, repaid = noteOf('reconcile', id, clock), math.min(returned, budget.debt)
    apply(budget, note, note.op, nil, returned - repaid, 0, 0 - returned, 0 - repaid, 0, 0, 0)
    if budget.state ~= 'open' then handOn({ budget }, note, clock) end
  end
  local rest = (budget.forfeited or 0) - (line.amount - lease.used)
  budget.forfeited = rest > 0 and rest or nil
  budgets.changed[budget.id] = true
  lease.back = { id = request, used = used, returned = returned }
  remember(id, hold)
  return { 'reconciled', digits(returned) }
end

local LEASES = { lease = takeLease, renew = renew, settle = settleLease, reconcile = reconcile }
