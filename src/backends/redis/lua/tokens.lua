-- What tokens bring, held against what is registered, revoked and used up. An authority is a list:
-- budget, root, token, prefixes, nonce, issued at, registrations { prefix, budget, parent }, ceilings, calls
-- { prefix, limit, expires at }, rates { prefix, calls, seconds, expires at }.

local MOST_COUNTS = 10000
local MOST_BANS = 100000
-- A gateway may take a token for valid for so long after its end.
local SKEW_MS = 600000

local function readAuthority(list)
  local read = { budget = list[1], root = list[2], token = list[3], prefixes = list[4], nonce = list[5],
    issuedAt = whole(list[6]), registrations = list[7], ceilings = {}, calls = {}, rates = {} }
  for n, each in ipairs(list[8]) do read.ceilings[n] = { each[1], whole(each[2]), wholeOr(each[3], nil) } end
  for n, each in ipairs(list[9]) do read.calls[n] = { each[1], whole(each[2]), wholeOr(each[3], nil) } end
  for n, each in ipairs(list[10]) do
    read.rates[n] = { each[1], whole(each[2]), wholeOr(each[4], nil), whole(each[3]) }
  end
  read.kept = { root = read.root, ceilings = read.ceilings, calls = read.calls }
  return read
end

-- The budget that pays, where each that the token names is registered at its prefix, under the one before it.
local function payerOf(authority)
  if authority.payer then return authority.payer end
  local payer = budgetOf(authority.root)
  -- One that was delegated pays for no token that begins with it.
  if payer and payer.registration then return nil end
  for _, each in ipairs(authority.registrations) do
    local child = budgetOf(each[2])
    local isRegistered = child and payer and child.registration == each[1] and child.parent == payer.id
    if not isRegistered or payer.id ~= each[3] then return nil end
    payer = child
  end
  if not payer or payer.id ~= authority.budget then return nil end
  authority.payer = payer
  return payer
end

local function covers(authority, budget)
  local payer = payerOf(authority)
  return payer and (payer == budget or isBelow(budget, payer))
end

local function isRevoked(authority)
  if bans == 0 then return false end
  if authority.clean == banVersion then return false end
  local named = { 'n' .. authority.nonce, 'c' .. authority.budget }
  for _, id in ipairs(authority.prefixes) do named[#named + 1] = 'p' .. id end
  for _, each in ipairs(authority.registrations) do named[#named + 1] = 'c' .. each[3] end
  local fields = {}
  for n, field in ipairs(named) do fields[n] = 'v' .. field end
  local found = redis.call('HMGET', recordsKey, unpack(fields))
  for n, field in ipairs(named) do
    local value = banned[field] or (not unbanned[field] and found[n])
    if value and (field:sub(1, 1) ~= 'c' or authority.issuedAt < tonumber(value)) then return true end
  end
  authority.clean = banVersion
  return false
end

-- Why the budget of a token does not pay: it is not registered as the token says, or takes no more calls.
local function refusePayer(authority, lines)
  local payer = payerOf(authority)
  if not payer then return refusal('unknown_budget', authority.budget, 0) end
  if payer.id ~= lines[1].budget then return nil, { 'misuse', payer.id, lines[1].budget } end
  for _, line in ipairs(lines) do
    if budgetOf(line.budget).state ~= 'open' then return refusal('closed', line.budget, 0) end
  end
end

local function refuseToken(authority, lines)
  local reason, resetAt = refuseUse(authority, lines[1].amount, true)
  local remaining = reason == 'revoked' and 0 or budgetOf(lines[1].budget).available
  return reason and refusal(reason, lines[1].budget, remaining, resetAt)
end

-- Fields of counts that were named in this step, by root and prefix.
local fieldsOf = {}

local function fieldOf(root, prefix)
  local fields = fieldsOf[root]
  if not fields then
    fields = {}
    fieldsOf[root] = fields
  end
  local field = fields[prefix]
  if not field then
    field = root .. ' ' .. prefix
    fields[prefix] = field
  end
  return field
end

local function countOf(root, prefix)
  return get(counts, fieldOf(root, prefix))
end

local function usedOf(root, prefix)
  local count = countOf(root, prefix)
  return count and count.used or 0
end

-- What a rate's bucket holds: `seconds` for each call, and it loses `calls` in each millisecond.
local function levelOf(root, rate)
  local count = countOf(root, rate[1])
  if not count then return 0 end
  return math.max(0, count.used - (clock - count.at) * rate[2])
end

-- The least that any of the ceilings leaves.
local function leftOf(token)
  local least = math.huge
  for _, each in ipairs(token.ceilings) do
    least = math.max(0, math.min(least, each[2] - usedOf(token.root, each[1])))
  end
  return least
end

-- Why a token does not serve for so much, and when that is over.
local function refuseUse(authority, amount, isCall)
  if isRevoked(authority) then return 'revoked' end
  local root, fresh = authority.root, 0
  local function meet(limit, more)
    if not countOf(root, limit[1]) then fresh = fresh + 1 end
    return usedOf(root, limit[1]) + more <= limit[2]
  end
  for _, each in ipairs(authority.ceilings) do
    if not meet(each, amount) then return 'ceiling' end
  end
  if amount == 0 then fresh = 0 end
  if isCall then
    for _, each in ipairs(authority.calls) do
      if not meet(each, 1) then return 'ceiling' end
    end
    for _, each in ipairs(authority.rates) do
      local wait = levelOf(root, each) + each[4] * 1000 - each[2] * each[4] * 1000
      if wait > 0 then return 'rate', clock + math.ceil(wait / each[2]) end
      if not countOf(root, each[1]) then fresh = fresh + 1 end
    end
  end
  local size = get(counts, root)
  if fresh > 0 and (size and size.size or 0) + fresh > MOST_COUNTS then return 'full' end
end

local function resize(root, more)
  local size = get(counts, root) or { size = 0 }
  size.size = size.size + more
  put(counts, root, size.size > 0 and size)
end

local function keepCount(root, limit, count)
  local field = fieldOf(root, limit[1])
  if not get(counts, field) then resize(root, 1) end
  put(counts, field, count)
  if limit[3] then deadlines['c' .. field] = limit[3] + SKEW_MS + 1 end
end

-- Adds to what is used, or gives back. What came to nothing needs no count.
local function addTo(root, limits, more)
  if more == 0 then return end
  for _, limit in ipairs(limits) do
    local field = fieldOf(root, limit[1])
    local used = usedOf(root, limit[1]) + more
    if used > 0 then
      keepCount(root, limit, { used = used, at = 0 })
    elseif get(counts, field) then
      put(counts, field, false)
      resize(root, -1)
    end
  end
end

-- Counts what was not refused.
local function countUse(authority, amount, isCall)
  local root = authority.root
  addTo(root, authority.ceilings, amount)
  if not isCall then return end
  addTo(root, authority.calls, 1)
  for _, rate in ipairs(authority.rates) do
    local used = levelOf(root, rate) + rate[4] * 1000
    keepCount(root, rate, { used = used, at = clock })
    -- When the bucket is empty it says no more than none.
    deadlines['c' .. root .. ' ' .. rate[1]] = clock + math.ceil(used / rate[2])
  end
end

local function usedList(root, limits)
  local list = {}
  for n, each in ipairs(limits) do list[n] = digits(usedOf(root, each[1])) end
  return list
end

-- Puts what is banned into the fields and values that are written, and takes out what is no more.
local function addBans(set, removed)
  for field, value in pairs(banned) do
    set[#set + 1] = 'v' .. field
    set[#set + 1] = value
  end
  local del = {}
  for field in pairs(unbanned) do del[#del + 1] = 'v' .. field end
  if #del > 0 then removed[#removed + 1] = { del, 'HDEL', recordsKey } end
end
