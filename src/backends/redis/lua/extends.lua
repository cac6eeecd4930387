-- Holds that live on.

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
  if not hold or hold.lease or (op[8] and not isHoldOf(hold.lines, askedLines[op[8]])) then return { 'refused', 'unknown_hold' } end
  if hold.state ~= 'open' then return { 'refused', 'hold_ended' } end
  local round = wholeOr(op[7], nil)
  local reason = round and consumeRound(hold, round, op[5])
  if reason then return { 'refused', reason } end
  hold.deadline = math.max(op[9] and 0 or hold.deadline, clock + whole(op[6]))
  if op[9] then hold.expires = op[9] end
  put(holds, id, hold)
  deadlines['h' .. id] = hold.deadline
  local remaining = hold.authority and leftOf(hold.authority) or math.huge
  for _, line in ipairs(hold.lines) do remaining = math.min(remaining, budgetOf(line.budget).available) end
  return { 'extended', digits(hold.deadline), digits(remaining), digits(hold.debt or 0) }
end

local function find(op)
  return { get(holds, op[2]) and 'known' or 'unknown' }
end
