-- Holds. One record from its place to the end of its memory: state (open, captured, released, expired, refused), lines,
-- ttl, onExpire (as it was asked for), expires (where an extension has set another), deadline, overdraft, tool, server,
-- token, remaining, debt if there is any, authority (what of the token is counted), finish (how it ended), refused (why, and what was
-- asked), rounds, lease (where it is one: see leases.lua). One with ttl 0 ended before it came.

local function newHold(op, authority, state, lines)
  local ttl = whole(op[6])
  return { state = state, lines = lines, ttl = ttl, onExpire = op[7], deadline = clock + ttl, overdraft = op[8] or nil,
    tool = op[9] or nil, server = op[10] or nil, token = authority and authority.token or nil, remaining = 0,
    lease = op[13] }
end

local function placeHold(op)
  local id, overdraft, authority = op[2], op[8], authorities[op[11]]
  local asked, known = askedLines[op[5]], get(holds, id)
  if known then return replayHold(known, op, asked) end
  local lines, by, windowed = resolveLines(asked, op[12])
  if not lines then return refuseHold(op, authority, by, asked) end
  local refused, misuse
  if authority then refused, misuse = refusePayer(authority, lines) end
  if misuse then return misuse end
  if not refused and windowed then refused = openWindows(lines, id) end
  if not refused and authority then refused = refuseToken(authority, lines) end
  if not refused and op[13] then refused = refuseWindow(budgetOf(lines[1].budget)) end
  refused = refused or refuseLines(lines, overdraft)
  if refused then return refuseHold(op, authority, refused, asked) end
  local hold = newHold(op, authority, 'open', lines)
  local note = noteOf(hold.lease and 'lease' or 'hold', id, clock, hold.tool)
  local remaining, debt = math.huge, 0
  for n = 1, #lines do
    local budget = budgetOf(lines[n].budget)
    debt = debt + holdMoney(budget, note, lines[n].amount)
    budget.holds = budget.holds + 1
    if budget.available < remaining then remaining = budget.available end
  end
  if authority then
    countUse(authority, lines[1].amount, true)
    hold.authority = authority.kept
    remaining = math.min(remaining, leftOf(authority))
  end
  hold.remaining = remaining
  if debt > 0 then hold.debt = debt end
  if hold.lease then countLease(hold, 1) end
  put(holds, id, hold)
  deadlines['h' .. id] = hold.deadline
  return { 'held', digitsOnce(remaining), digits(debt) }
end
