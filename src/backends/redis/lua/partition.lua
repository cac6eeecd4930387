-- One step of a partition: everything that is asked, in order, and all of it or nothing.
--
-- KEYS   1 budgets     hash    budget id → its record
--        2 children    zset    "parent child", all of score 0, read by name
--        3 holds       hash    hold id → its record: open, ended or refused
--        4 answers     hash    verb and request id → payload's digest and answer
--        5 deadlines   zset    h hold, b budget, c count, v ban → when its time is up
--        6 forget      zset    h hold, a answer, b budget → when nobody will ask for it any more
--        7 ceilings    hash    "root prefix" → what is used; root → how many counts it has
--        8 revoked     hash    p prefix, n nonce → until when, empty for ever; c budget → minted before
--        9 meta        hash    clock, seq, mark, bans
--       10 ledger      stream  seq-0 → the entries from that number on, number and text in turn
-- All of one hash slot. No others are touched, none is made of what comes in, and none has a time to live.
-- ARGV   1 the time of a test's clock, milliseconds since 1970; empty for the server's
--        2 how many entries the ledger keeps   3 how many answers are remembered at most
--        4 JSON: [authorities, requests]. A request is [verb, hold or false, answer's field or false, budgets, …].
--          Numbers come as text
-- Answers with JSON: a list with the answer to each request; or "again", when so much was due that this step did
-- nothing but end it.
-- with: numbers records state money lines holds
-- lazily: family tokens moves leases

-- What may be asked, by the name of what answers it.
local REQUESTS = { hold = 'placeHold', capture = 'capture', release = 'release', extend = 'extend', find = 'find',
  check = 'check', initialize = 'initialize', spend = 'spend', grant = 'grant', transfer = 'transfer', close = 'close',
  revoke = 'revoke', describe = 'describe', lease = 'takeLease', renew = 'renew', settle = 'settleLease',
  reconcile = 'reconcile' }

-- How many that are due end in one step.
local DUE = 1000

local function readMeta(virtual)
  local meta = redis.call('HMGET', metaKey, 'clock', 'seq', 'mark', 'bans')
  local time = 0
  if virtual ~= '' then
    time = whole(virtual)
  else
    local server = redis.call('TIME')
    time = server[1] * 1000 + math.floor(server[2] / 1000)
  end
  clock = math.max(time, tonumber(meta[1] or 0))
  sequence, mark, bans = tonumber(meta[2] or 0), tonumber(meta[3] or 0), tonumber(meta[4] or 0)
end

-- Ends what is dated by its deadline, not by who happened to look.
local function expire(kind, name)
  deadlines[kind .. name] = false
  if kind == 'h' then
    local hold = get(holds, name)
    if hold and hold.state == 'open' then
      endHold(name, hold, { kind = 'expire', onExpire = hold.expires }, nil, hold.deadline)
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
  return #due < DUE
end

local function forget(kind, name)
  forgetAt[kind .. name] = false
  if kind == 'h' then
    mark = math.max(mark, mintedAt(name) or 0)
    put(holds, name, false)
  elseif kind == 'a' then
    put(answers, name, false)
  else
    local budget = budgetOf(name)
    if not budget then return end
    if budget.parent then gone[budget.parent .. ' ' .. name] = true end
    put(budgets, name, false)
  end
end

-- Forgets what is old, and the oldest of what is too much.
local function forgetOld(most, asked)
  local some = 200 + 4 * asked
  local old = redis.call('ZRANGEBYSCORE', forgetKey, '-inf', digits(clock), 'LIMIT', 0, some)
  local beyond = redis.call('ZCARD', forgetKey) - most
  if beyond > #old then old = redis.call('ZRANGE', forgetKey, 0, math.min(beyond, some) - 1) end
  for _, member in ipairs(old) do forget(member:sub(1, 1), member:sub(2)) end
end

-- Reads what the requests name in one go.
local function prefetch(requests)
  local ofBudgets, ofHolds, ofAnswers = {}, {}, {}
  for _, op in ipairs(requests) do
    if op[2] then ofHolds[#ofHolds + 1] = op[2] end
    if op[3] then ofAnswers[#ofAnswers + 1] = op[3] end
    for _, id in ipairs(op[4]) do ofBudgets[#ofBudgets + 1] = id end
  end
  load(holds, ofHolds)
  load(answers, ofAnswers)
  load(budgets, ofBudgets)
end

-- Everything that is asked of this step.
local function step(kept, most, asked)
  readMeta(ARGV[1])
  if not endDue() then
    write(kept)
    return '"again"'
  end
  forgetOld(most, #asked[2])
  for n, each in ipairs(asked[1]) do authorities[n] = readAuthority(each) end
  prefetch(asked[2])
  local told = {}
  for n, op in ipairs(asked[2]) do told[n] = M[REQUESTS[op[1]]](op) end
  write(kept)
  return cjson.encode(told)
end

return step(whole(ARGV[2]), whole(ARGV[3]), cjson.decode(ARGV[4]))
