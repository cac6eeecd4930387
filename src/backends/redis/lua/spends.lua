-- Money that is spent without a hold, and answers that are remembered.

-- The same request gets the first answer again; another under its id is refused.
local function once(op, make, reused)
  local field, payload = op[3], op[5]
  -- A short text is compared sooner than its digest is made. It is a list as JSON, and never looks like a digest.
  if #payload > 80 then payload = redis.sha1hex(payload) end
  local known = get(answers, field)
  if known then return known[1] == payload and known[2] or reused(op) end
  local answer = make(op)
  put(answers, field, { payload, answer })
  forgetAt['a' .. field] = clock + REMEMBERED_MS
  return answer
end

local function check(op)
  local reason, remaining = refusedBy(budgetOf(op[4][1]), whole(op[5]))
  return { reason or 'allowed', digits(remaining) }
end

local function spend(op)
  return once(op, function()
    local budget, cost = budgetOf(op[4][1]), whole(op[7])
    local reason, remaining = refusedBy(budget, cost)
    if reason then return { reason, digits(remaining) } end
    apply(budget, noteOf('spend', op[6], clock, op[8]), 'spend', nil, 0 - cost, 0, cost, 0, 0, 0, 0)
    return { 'allowed', digits(budget.available) }
  end, function()
    local budget = budgetOf(op[4][1])
    return { 'id_reused', digits(budget and budget.available or 0) }
  end)
end
