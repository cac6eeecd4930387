-- Holds. One record from its place to the end of its memory: state (open, captured, released, expired, refused), lines,
-- ttl, onExpire (as it was asked for), expires (as an extension may have set it), deadline, overdraft, tool, server,
-- token, remaining, debt, authority (what of the token is counted), finish (how it ended), refused (why, and what was
-- asked), rounds, lease (where it is one: see leases.lua). One with ttl 0 ended before it came.

-- When a charge was minted, by the time in its id; nil for one that is none of ours.
local function mintedAt(id)
  local time, process, count = id:match('^([0-9a-z]+)%-([0-9a-z]+)%-([0-9a-z]+)$')
  if not time or #time < 8 or #time > 9 or #process < 4 or #process > 40 or #count > 11 then return nil end
  local value = 0
  for n = 1, #time do
    local code = time:byte(n)
    value = value * 36 + (code < 58 and code - 48 or code - 87)
  end
  return value
end

-- A forfeited lease is remembered so much longer than an answer: who may give it back comes after a restart.
local FORFEITED_MS = 604800000

local function remember(id, hold)
  put(holds, id, hold)
  deadlines['h' .. id] = false
  local isForfeited = hold.lease and hold.state == 'expired' and not hold.lease.back
  forgetAt['h' .. id] = clock + REMEMBERED_MS + (isForfeited and FORFEITED_MS or 0)
end

-- What the ledger calls the end of a lease.
local LEASE_ENDS = { capture = 'settle', expire = 'forfeit' }

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

local function refusedHold(by)
  return { 'refused', by.reason, by.budget, digits(by.remaining), by.resetAt and digits(by.resetAt) or false }
end

local function replayHold(known, op)
  local token = authorities[op[11]] and authorities[op[11]].token or nil
  local same = known.ttl > 0 and not known.lease and known.ttl == whole(op[6]) and known.onExpire == op[7] and known.overdraft == op[8]
    and known.tool == (op[9] or nil) and known.server == (op[10] or nil) and known.token == token
    and sameLines(known.refused and known.refused.lines or known.lines, op[5])
  if not same then
    return { 'refused', known.ttl == 0 and 'hold_ended' or 'id_reused', op[5][1][1], '0', false }
  end
  if known.refused then return refusedHold(known.refused) end
  return { 'held', digits(known.remaining), digits(known.debt) }
end

local function newHold(op, authority, state, lines)
  local ttl = whole(op[6])
  return { state = state, lines = lines, ttl = ttl, onExpire = op[7], expires = op[7], deadline = clock + ttl,
    overdraft = op[8], tool = op[9] or nil, server = op[10] or nil, token = authority and authority.token or nil, remaining = 0, debt = 0, lease = op[13] }
end

local function refuseHold(op, authority, by)
  if authority then by.remaining = math.min(by.remaining, leftOf(authority)) end
  local hold = newHold(op, authority, 'refused', {})
  local asked = {}
  for n, each in ipairs(op[5]) do asked[n] = { budget = each[1], amount = whole(each[2]), unit = each[3] or nil } end
  by.lines = asked
  hold.refused = by
  remember(op[2], hold)
  return refusedHold(by)
end

-- Why the budget of a token does not pay: it is not registered as the token says, or takes no more calls.
local function refusePayer(authority, lines)
  if not authority then return nil end
  local payer = payerOf(authority)
  if not payer then return refusal('unknown_budget', authority.budget, 0) end
  if payer.id ~= lines[1].budget then return nil, { 'misuse', payer.id, lines[1].budget } end
  for _, line in ipairs(lines) do
    if budgetOf(line.budget).state ~= 'open' then return refusal('closed', line.budget, 0) end
  end
end

local function refuseToken(authority, lines)
  if not authority then return nil end
  local reason, resetAt = refuseUse(authority, lines[1].amount, true)
  local remaining = reason == 'revoked' and 0 or budgetOf(lines[1].budget).available
  return reason and refusal(reason, lines[1].budget, remaining, resetAt)
end

local function placeHold(op)
  local id, overdraft, authority = op[2], op[8], authorities[op[11]]
  local known = get(holds, id)
  if known then return replayHold(known, op) end
  local lines, by = resolveLines(op[5], op[12])
  if not lines then return refuseHold(op, authority, by) end
  local refused, misuse = refusePayer(authority, lines)
  if misuse then return misuse end
  refused = refused or openWindows(lines, id) or refuseToken(authority, lines) or refuseLines(lines, overdraft)
  if refused then return refuseHold(op, authority, refused) end
  local hold = newHold(op, authority, 'open', lines)
  local note = noteOf(hold.lease and 'lease' or 'hold', id, clock, hold.tool)
  local remaining = math.huge
  for _, line in ipairs(lines) do
    local budget = budgetOf(line.budget)
    hold.debt = hold.debt + holdMoney(budget, note, line.amount)
    budget.holds = budget.holds + 1
    remaining = math.min(remaining, budget.available)
  end
  if authority then
    countUse(authority, lines[1].amount, true)
    hold.authority = { root = authority.root, ceilings = authority.ceilings, calls = authority.calls }
    remaining = math.min(remaining, leftOf(authority))
  end
  hold.remaining = remaining
  if hold.lease then countLease(hold, 1) end
  put(holds, id, hold)
  deadlines['h' .. id] = hold.deadline
  return { 'held', digits(remaining), digits(hold.debt) }
end

-- The end that an event brings to one line: endHold of src/budget/hold.ts.
local function endOfLine(line, event)
  local charged, beyond = 0, 0
  if event.kind == 'capture' then
    local amount = isMoney(line) and event.amount or line.amount
    charged = math.min(amount, line.amount)
    if event.overage == 'debt' then beyond = amount - charged end
  elseif event.kind == 'expire' and event.onExpire == 'capture' then
    charged = line.amount
  end
  -- Nothing is held any more, or never was: all is charged beyond it.
  if event.late then return { charged = 0, returned = 0, beyond = charged + beyond } end
  return { charged = charged, returned = line.amount - charged, beyond = beyond }
end

local STATES = { capture = 'captured', release = 'released', expire = 'expired' }

-- What the end of a hold changes in the counts of its token: it was counted whole, and not at all if it is late.
local function settle(authority, paid, event)
  local isGivenBack = event.kind == 'release' or (event.kind == 'expire' and event.onExpire == 'release')
  addTo(authority.root, authority.ceilings, paid.beyond - paid.returned)
  addTo(authority.root, authority.calls, event.late and 1 or (isGivenBack and -1 or 0))
end

-- Ends a hold; nil when a balance would leave 2^53-1, which only what is charged beyond a hold can do.
local function endHold(id, hold, event, request, at)
  local finish = { by = event.late and 'late' or event.kind, id = request, amount = event.amount or 0,
    overage = event.overage, charged = 0, returned = 0 }
  local parts, closing = {}, {}
  for n, line in ipairs(hold.lines) do
    local budget = budgetOf(line.budget)
    local part = endOfLine(line, event)
    part.change = endChange(budget, part, isPast(line))
    if (event.late or event.overage == 'debt') and not fits(budget, part.change[5], part.change[4]) then return nil end
    if isMoney(line) then
      finish.charged = math.max(finish.charged, part.charged + part.beyond)
      finish.returned = math.max(finish.returned, part.returned)
    end
    if budget.state ~= 'open' then closing[#closing + 1] = budget end
    parts[n] = part
  end
  local note = noteOf(hold.lease and LEASE_ENDS[finish.by] or finish.by, id, at, hold.tool)
  for n, line in ipairs(hold.lines) do
    local budget = budgetOf(line.budget)
    apply(budget, note, note.op, nil, unpack(parts[n].change))
    if not event.late then budget.holds = budget.holds - 1 end
  end
  if #closing > 0 then handOn(closing, note, at) end
  if hold.authority and parts[1] then settle(hold.authority, parts[1], event) end
  hold.state = STATES[event.kind]
  hold.finish = finish
  if hold.lease then countLease(hold, -1) end
  remember(id, hold)
  return finish
end

local function captureHold(id, hold, op, late)
  local event = { kind = 'capture', amount = whole(op[6]), overage = op[7], late = late }
  local finish = endHold(id, hold, event, op[5], clock)
  if not finish then return { 'refused', 'overflow' } end
  return { 'captured', digits(finish.charged), late }
end

-- Never seen, or refused to somebody who did not hear of it and let the call pass.
local function captureUnplaced(id, refused, op)
  local minted = mintedAt(id)
  -- A charge older than what was forgotten may have been captured before: twice is worse than not at all.
  if not op[8] or not minted or minted <= mark then return { 'refused', 'unknown_hold' } end
  local bare = {}
  for n, each in ipairs(op[8]) do bare[n] = { each[1], each[2], each[3], false } end
  local lines, by = resolveLines(bare, op[11])
  if not lines then return { 'refused', by.reason } end
  local hold = refused or { ttl = 0, onExpire = 'release', deadline = clock, overdraft = false, remaining = 0, debt = 0,
    tool = op[9] or nil, server = op[10] or nil }
  local before = hold.lines
  hold.lines = lines
  local answer = captureHold(id, hold, op, true)
  if answer[1] == 'refused' then hold.lines = before end
  return answer
end

local function capture(op)
  local id, hold = op[2], get(holds, op[2])
  if hold and hold.lease then return { 'refused', 'unknown_hold' } end
  if not hold or hold.state == 'refused' then return captureUnplaced(id, hold, op) end
  local finish = hold.finish
  if finish and finish.id == op[5] and (finish.by == 'capture' or finish.by == 'late') then
    if finish.amount ~= whole(op[6]) or finish.overage ~= op[7] then return { 'refused', 'id_reused' } end
    return { 'captured', digits(finish.charged), finish.by == 'late' }
  end
  -- Given back when its time was up; but the work was done.
  local late = finish ~= nil and finish.by == 'expire' and hold.expires == 'release'
  if hold.state ~= 'open' and not late then return { 'refused', 'hold_ended' } end
  return captureHold(id, hold, op, late)
end

local function release(op)
  local id, request = op[2], op[5]
  -- One that has not come yet is barred from coming.
  local hold = get(holds, id) or { state = 'open', lines = {}, ttl = 0, onExpire = 'release', deadline = clock,
    overdraft = false, remaining = 0, debt = 0 }
  local finish = hold.finish
  if hold.lease then return { 'refused', 'unknown_hold' } end
  if finish and finish.id == request and finish.by == 'release' then return { 'released', digits(finish.returned) } end
  if hold.state ~= 'open' then return { 'refused', 'hold_ended' } end
  return { 'released', digits(endHold(id, hold, { kind = 'release' }, request, clock).returned) }
end

-- Consumes a round of a hold for a request, or says why it cannot.
local function consumeRound(hold, round, request)
  local last = 0
  for _, used in ipairs(hold.rounds or {}) do
    if used[2] == request then return used[1] ~= round and 'id_reused' or nil end
    last = used[1]
  end
  if round <= last then return 'round_used' end
  hold.rounds = hold.rounds or {}
  table.insert(hold.rounds, { round, request })
end

local function extend(op)
  local id, hold = op[2], get(holds, op[2])
  if not hold or hold.lease or (op[8] and not isHoldOf(hold.lines, op[8])) then return { 'refused', 'unknown_hold' } end
  if hold.state ~= 'open' then return { 'refused', 'hold_ended' } end
  local round = wholeOr(op[7], nil)
  local reason = round and consumeRound(hold, round, op[5])
  if reason then return { 'refused', reason } end
  hold.deadline = math.max(op[9] and 0 or hold.deadline, clock + whole(op[6]))
  hold.expires = op[9] or hold.expires
  put(holds, id, hold)
  deadlines['h' .. id] = hold.deadline
  local remaining = hold.authority and leftOf(hold.authority) or math.huge
  for _, line in ipairs(hold.lines) do remaining = math.min(remaining, budgetOf(line.budget).available) end
  return { 'extended', digits(hold.deadline), digits(remaining), digits(hold.debt) }
end

local function find(op)
  return { get(holds, op[2]) and 'known' or 'unknown' }
end
