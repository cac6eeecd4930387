-- What is over: what is due ends, and what is old is forgotten.

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

-- How many that are due end in one step.
local DUE = 1000
-- What is old is forgotten together with what grew old soon after it.
local LOOK_MS = 1000

-- Ends what is dated by its deadline, not by who happened to look.
local function expire(kind, name)
  deadlines[kind .. name] = false
  if kind == 'h' then
    local hold = get(holds, name)
    if hold and hold.state == 'open' then
      endHold(name, hold, { kind = 'expire', onExpire = hold.expires or hold.onExpire }, nil, hold.deadline)
    end
  elseif kind == 'b' then
    local budget = budgetOf(name)
    if budget and budget.state == 'open' then closeAll({ budget }, 'expire:' .. name, budget.ends) end
  elseif kind == 'c' then
    if get(counts, name) then
      put(counts, name, false)
      resize(name:match('^%S+'), -1)
    end
  else
    unbanned[name] = true
    bans = bans - 1
  end
end

local function namesOf(members, kind)
  local names = {}
  for _, member in ipairs(members) do
    if member:sub(1, 1) == kind then names[#names + 1] = member:sub(2) end
  end
  return names
end

-- Whether nothing is due any more.
local function endDue()
  local due = redis.call('ZRANGEBYSCORE', deadlinesKey, '-inf', digits(clock), 'LIMIT', 0, DUE)
  load(holds, namesOf(due, 'h'))
  for _, member in ipairs(due) do expire(member:sub(1, 1), member:sub(2)) end
  if #due == DUE then return false end
  local nextDue = redis.call('ZRANGEBYSCORE', deadlinesKey, '(' .. digits(clock), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  dueAt = tonumber(nextDue[2]) or math.huge
  return true
end

-- `name`: the number of its last entry, and a budget that is forgotten.
local function forgetOpening(name)
  local last, id = name:match('^(%d+) (.+)$')
  if budgetOf(id) then return end
  if tonumber(last) <= folded then
    ended[#ended + 1] = id
  else
    forgetAt['o' .. name] = clock + REMEMBERED_MS
  end
end

local function forget(kind, name)
  forgetAt[kind .. name] = false
  if kind == 'h' then
    mark = math.max(mark, mintedAt(name) or 0)
    put(holds, name, false)
  elseif kind == 'a' then
    put(answers, name, false)
  elseif kind == 'o' then
    forgetOpening(name)
  else
    local budget = budgetOf(name)
    if not budget then return end
    -- What comes back to one below finds those above by it.
    if childrenOf(name)[1] then
      forgetAt['b' .. name] = clock + REMEMBERED_MS
      return
    end
    if budget.parent then gone[budget.parent .. ' ' .. name] = true end
    put(budgets, name, false)
    forgetAt['o' .. digits(sequence) .. ' ' .. name] = clock + REMEMBERED_MS
  end
end

-- Forgets what is old, and the oldest of what is too much.
local function forgetOld(most, asked)
  local some = 200 + 4 * asked
  local old = redis.call('ZRANGEBYSCORE', forgetKey, '-inf', digits(clock), 'LIMIT', 0, some)
  local count = redis.call('ZCARD', forgetKey)
  if #old < some then lookAt = clock + LOOK_MS end
  if count - most > #old then old = redis.call('ZRANGE', forgetKey, 0, math.min(count - most, some) - 1) end
  for _, member in ipairs(old) do forget(member:sub(1, 1), member:sub(2)) end
  remembered = count - #old
end
