-- How holds end.

local function isMoney(line)
  return line.unit == nil or line.unit == 'credits'
end

-- Whether a line of a window was placed in one that is over: it ends there.
local function isPast(line)
  return line.from ~= budgetOf(line.budget).from
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

-- How a hold's end changes a balance; `past`: its window is over, what returns is burned.
local function endChange(budget, finish, past)
  local charged, returned, beyond = finish.charged, finish.returned, finish.beyond
  if past then return { 0, 0 - charged - returned, charged + beyond, 0, beyond, 0, returned } end
  local repaid = math.min(returned, budget.debt)
  local back = returned - repaid
  local paid = math.min(beyond, budget.available + back)
  return { back - paid, 0 - charged - returned, charged + beyond, beyond - paid - repaid, 0, 0, 0 }
end

local STATES = { capture = 'captured', release = 'released', expire = 'expired' }

-- What the end of a hold changes in the counts of its token: it was counted whole, and not at all if it is late.
local function settle(authority, paid, event)
  local isGivenBack = event.kind == 'release' or (event.kind == 'expire' and event.onExpire == 'release')
  addTo(authority.root, authority.ceilings, paid.beyond - paid.returned)
  addTo(authority.root, authority.calls, event.late and 1 or (isGivenBack and -1 or 0))
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

-- Ends a hold; nil when a balance would leave 2^53-1, which only what is charged beyond a hold can do.
local function endHold(id, hold, event, request, at)
  local finish = { by = event.late and 'late' or event.kind, id = request, amount = event.amount or 0,
    overage = event.overage, charged = 0, returned = 0 }
  local parts, closing = {}, {}
  for n, line in ipairs(hold.lines) do
    local budget = budgetOf(line.budget)
    local part = endOfLine(line, event)
    part.change = endChange(budget, part, line.from ~= nil and isPast(line))
    if (event.late or event.overage == 'debt') and not fits(budget, part.change[5], part.change[4]) then return nil end
    if isMoney(line) then
      finish.charged = math.max(finish.charged, part.charged + part.beyond)
      finish.returned = math.max(finish.returned, part.returned)
    end
    if budget.state ~= 'open' then closing[#closing + 1] = budget end
    parts[n] = part
  end
  hold.state = STATES[event.kind]
  -- Before a budget closes, which looks at what was forfeited.
  if hold.lease then countLease(hold, -1) end
  local note = noteOf(hold.lease and LEASE_ENDS[finish.by] or finish.by, id, at, hold.tool)
  for n, line in ipairs(hold.lines) do
    local budget = budgetOf(line.budget)
    apply(budget, note, note.op, nil, unpack(parts[n].change))
    if not event.late then budget.holds = budget.holds - 1 end
  end
  if #closing > 0 then handOn(closing, note, at) end
  if hold.authority and parts[1] then settle(hold.authority, parts[1], event) end
  hold.finish = finish
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
  for n, each in ipairs(askedLines[op[8]]) do bare[n] = { each[1], each[2], each[3], false } end
  local lines, by = resolveLines(bare, op[11])
  if not lines then return { 'refused', by.reason } end
  local hold = refused or { ttl = 0, onExpire = 'release', deadline = clock, remaining = 0,
    tool = op[9] or nil, server = op[10] or nil }
  local before = hold.lines
  hold.lines = lines
  local answer = captureHold(id, hold, op, true)
  if answer[1] == 'refused' then hold.lines = before end
  return answer
end

-- Nobody knows a budget any more that was closed long before somebody looked.
local function arePayersKnown(lines)
  for _, line in ipairs(lines) do
    if not budgetOf(line.budget) then return false end
  end
  return true
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
  local late = finish ~= nil and finish.by == 'expire' and (hold.expires or hold.onExpire) == 'release'
  if hold.state ~= 'open' and not late then return { 'refused', 'hold_ended' } end
  if late and not arePayersKnown(hold.lines) then return { 'refused', 'unknown_hold' } end
  return captureHold(id, hold, op, late)
end

local function release(op)
  local id, request = op[2], op[5]
  -- One that has not come yet is barred from coming.
  local hold = get(holds, id) or { state = 'open', lines = {}, ttl = 0, onExpire = 'release', deadline = clock,
    remaining = 0 }
  if hold.lease then return { 'refused', 'unknown_hold' } end
  local finish = hold.finish
  if finish and finish.id == request and finish.by == 'release' then return { 'released', digits(finish.returned) } end
  if hold.state ~= 'open' then return { 'refused', 'hold_ended' } end
  return { 'released', digits(endHold(id, hold, { kind = 'release' }, request, clock).returned) }
end
