-- One request of a task store, and all of it or nothing. See src/tasks/task-store.ts for what each must do.
--
-- KEYS   1 bindings    hash    "task principal upstream" → its record
--        2 names       hash    "task upstream" → the principals that have bound it
--        3 due         zset    binding → when it is due
--        4 ended       zset    binding → its place among those that ended
--        5 keys        hash    "principal key" → its record
--        6 ages        zset    "principal key" → when its last attempt began
--        7 counts      hash    principal → how many keys it has
--        8 failures    hash    operation → what failed: { charge, failure, until, taken by }
--        9 operations  zset    operation → when all of its failures are over
--       10 meta        hash    clock, seq, size
-- All of one hash slot. No others are touched, and none has a time to live.
-- ARGV   1 the time of a test's clock, milliseconds since 1970; empty for the server's
--        2 JSON: [[], [], [request]], one request as [verb, …]. Numbers come as text, data as JSON in text
-- Answers with JSON: a list of the one answer.
-- with: numbers records

local KEY_MS = 86400000
local MOST_KEYS = 100000
local ENDED_MS = 86400000
local MOST_FAILURES = 100
local MOST_OPERATIONS = 100000
-- How many that are old go in one step.
local SOME = 100

local bindings, names, keys = recordsOf(KEYS[1], ''), recordsOf(KEYS[2], ''), recordsOf(KEYS[5], '')
local counts, failures = recordsOf(KEYS[7], ''), recordsOf(KEYS[8], '')
local due, ended, ages, operations = {}, {}, {}, {}
local clock, sequence, size = 0, 0, 0

local function write()
  local changed = next(bindings.changed) or next(keys.changed) or next(failures.changed) or next(counts.changed)
  if not changed then return end
  local removed = {}
  redis.call('HSET', KEYS[10], 'clock', digits(clock), 'seq', digits(sequence), 'size', digits(size))
  for _, each in ipairs({ bindings, names, keys, counts, failures }) do writeRecords(each.key, { each }, {}, removed) end
  writeTimes(due, KEYS[3], removed)
  writeTimes(ended, KEYS[4], removed)
  writeTimes(ages, KEYS[6], removed)
  writeTimes(operations, KEYS[9], removed)
  for _, each in ipairs(removed) do inParts(unpack(each)) end
end

-- Keys of idempotency.

local function forgetKey(field)
  local known = get(keys, field)
  ages[field] = false
  if not known then return end
  put(keys, field, false)
  local left = (get(counts, known.principal) or 1) - 1
  put(counts, known.principal, left > 0 and left)
end

local function claimKey(principal, charge, key, openMs)
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', digits(clock - KEY_MS), 'LIMIT', 0, SOME)) do
    forgetKey(old)
  end
  local field = principal .. ' ' .. key[1]
  local known = get(keys, field)
  if known and clock - known.at >= KEY_MS then
    forgetKey(field)
    known = false
  end
  local count = get(counts, principal) or 0
  if not known and count >= MOST_KEYS then return 'full' end
  if known and known.digest ~= key[2] then return 'idempotency_mismatch' end
  if known and known.charge == charge then
    known.openUntil = math.max(known.openUntil, clock + openMs)
    put(keys, field, known)
    return nil
  end
  if known and known.state == 'ran' then return 'already_ran' end
  if known and known.state == 'open' and clock < known.openUntil then return 'in_flight' end
  if not known then put(counts, principal, count + 1) end
  put(keys, field, { principal = principal, digest = key[2], charge = charge, at = clock, state = 'open',
    openUntil = clock + openMs })
  ages[field] = clock
end

-- Failures, and who has consumed them.

local function lastUntil(noted)
  local last = 0
  for _, each in ipairs(noted) do last = math.max(last, each[3]) end
  return last
end

local function keepFailures(operation, noted)
  put(failures, operation, noted)
  operations[operation] = lastUntil(noted)
end

local function takeFailure(operation, charge, again)
  local noted = get(failures, operation) or {}
  for _, each in ipairs(noted) do
    if each[4] == charge then return each[2] end
  end
  if again then return nil end
  for n = #noted, 1, -1 do
    local each = noted[n]
    if not each[4] and clock < each[3] then
      each[4] = charge
      keepFailures(operation, noted)
      return each[2]
    end
  end
end

local function giveBack(operation, charge)
  local noted = get(failures, operation) or {}
  for _, each in ipairs(noted) do
    if each[4] == charge then
      each[4] = false
      keepFailures(operation, noted)
    end
  end
end

local function noteFailure(operation, charge, failure, till)
  local known = get(failures, operation) or {}
  local kept = {}
  for _, each in ipairs(known) do
    if each[1] == charge then return end
    if clock < each[3] then kept[#kept + 1] = each end
  end
  local over = redis.call('ZRANGEBYSCORE', KEYS[9], '-inf', digits(clock), 'LIMIT', 0, SOME)
  for _, old in ipairs(over) do
    if old ~= operation then
      put(failures, old, false)
      operations[old] = false
    end
  end
  local count = redis.call('ZCARD', KEYS[9]) - #over
  -- A failure that is not noted costs an agent one discount, and nobody a credit.
  if #kept >= MOST_FAILURES or (#known == 0 and count >= MOST_OPERATIONS) then return end
  kept[#kept + 1] = { charge, failure, till, false }
  keepFailures(operation, kept)
end

-- Bindings.

local function fieldOf(ref)
  return ref[2] .. ' ' .. ref[3] .. ' ' .. ref[1]
end

local function nameOf(ref)
  return ref[2] .. ' ' .. ref[1]
end

local function bindingOf(ref, hold)
  local binding = get(bindings, fieldOf(ref))
  return binding and binding.hold == hold and binding or nil
end

local function viewOf(binding)
  local seen = binding.finish
  return { binding.ref[1], binding.ref[2], binding.ref[3], binding.hold, binding.data, binding.state,
    digits(binding.boundAt), digits(binding.dueAt), binding.seen or false,
    seen and { seen.as, seen.late, seen.data } or false }
end

local function keep(binding)
  put(bindings, fieldOf(binding.ref), binding)
end

local function forgetBinding(binding)
  local field, name = fieldOf(binding.ref), nameOf(binding.ref)
  local others = {}
  for _, principal in ipairs(get(names, name) or {}) do
    if principal ~= binding.ref[3] then others[#others + 1] = principal end
  end
  put(names, name, #others > 0 and others)
  put(bindings, field, false)
  ended[field] = false
  size = size - 1
end

local function hasRoom(most)
  for _, field in ipairs(redis.call('ZRANGE', KEYS[4], 0, SOME - 1)) do
    local binding = get(bindings, field)
    if binding then
      if size < most and clock - binding.endedAt < ENDED_MS then break end
      forgetBinding(binding)
    end
  end
  return size < most
end

local function begin(op)
  local principal, charge, operation, key, again, openMs = op[2], op[3], op[4], op[5], op[6], whole(op[7])
  local reason = key and claimKey(principal, charge, key, openMs)
  if reason then return { 'refused', reason } end
  return { 'begun', takeFailure(operation, charge, again) or false }
end

local function finish(op)
  local principal, charge, operation, key, how = op[2], op[3], op[4], op[5], op[6]
  local field = key and principal .. ' ' .. key[1]
  local known = field and get(keys, field)
  if known and known.charge == charge then
    known.state = how == 'ran' and 'ran' or 'free'
    put(keys, field, known)
  end
  if how == 'not-run' then giveBack(operation, charge) end
  if how == 'failed' and op[7] then noteFailure(operation, charge, op[7], clock + whole(op[8])) end
  local binding = op[9] and bindingOf(op[9], charge)
  if not binding or binding.state ~= 'ending' then return { 'finished' } end
  local at = fieldOf(binding.ref)
  binding.state, binding.reopens, binding.endedAt = 'ended', op[10], clock
  keep(binding)
  due[at] = false
  sequence = sequence + 1
  ended[at] = sequence
  return { 'finished' }
end

local function bind(op)
  local ref, hold, key, life, data, most = op[2], op[3], op[4], whole(op[5]), op[6], whole(op[7])
  local field, name = fieldOf(ref), nameOf(ref)
  local known = get(bindings, field)
  if known and known.hold == hold then return { 'bound' } end
  if known and known.state ~= 'ended' then return { 'taken' } end
  if known then forgetBinding(known) end
  if not hasRoom(most) then return { 'full' } end
  local principals = get(names, name) or {}
  principals[#principals + 1] = ref[3]
  put(names, name, principals)
  local dueAt = clock + life
  keep({ ref = ref, hold = hold, data = data, state = 'open', boundAt = clock, dueAt = dueAt, reopens = false })
  size = size + 1
  due[field], ended[field] = dueAt, false
  local at = key and ref[3] .. ' ' .. key[1]
  local record = at and get(keys, at)
  if record and record.charge == hold then
    record.openUntil = math.max(record.openUntil, dueAt)
    put(keys, at, record)
  end
  return { 'bound' }
end

local function findAll(op)
  local found = {}
  for n, principal in ipairs(get(names, op[3] .. ' ' .. op[2]) or {}) do
    found[n] = viewOf(get(bindings, fieldOf({ op[2], op[3], principal })))
  end
  return { 'found', #found > 0 and found or false }
end

local function amend(op)
  local binding = bindingOf(op[2], op[3])
  if not binding or binding.state ~= 'open' then return { 'none' } end
  local dueAt = math.max(binding.dueAt, binding.boundAt + wholeOr(op[4], 0))
  if op[5] then dueAt = math.min(dueAt, clock + whole(op[5])) end
  binding.dueAt = dueAt
  binding.seen = op[6] or binding.seen
  keep(binding)
  due[fieldOf(binding.ref)] = dueAt
  return { 'amended', viewOf(binding) }
end

-- An end is claimed once; again when who claimed it left it; and late, where the hold was given back.
local function isClaimable(binding, as)
  if binding.state == 'open' then return true end
  if binding.state == 'ending' then return binding.dueAt <= clock end
  return binding.reopens and (as == 'completed' or as == 'failed')
end

local function claimEnd(op)
  local binding, as, data, lease = bindingOf(op[2], op[3]), op[4], op[5], whole(op[6])
  if not binding or not isClaimable(binding, as) then return { 'over' } end
  -- Whoever takes up what another left goes on with what was seen first.
  if binding.state ~= 'ending' then binding.finish = { as = as, late = binding.state == 'ended', data = data } end
  binding.state, binding.reopens, binding.dueAt = 'ending', false, clock + lease
  keep(binding)
  local field = fieldOf(binding.ref)
  due[field], ended[field] = binding.dueAt, false
  return { 'claimed', viewOf(binding) }
end

local function dueNow(op)
  local found = {}
  for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', digits(clock), 'LIMIT', 0, whole(op[2]))) do
    local binding = get(bindings, field)
    if binding then found[#found + 1] = viewOf(binding) end
  end
  return { 'due', #found > 0 and found or false, digits(size - redis.call('ZCARD', KEYS[4])) }
end

local VERBS = { begin = begin, finish = finish, bind = bind, find = findAll, amend = amend, done = claimEnd, due = dueNow }

local function answer(virtual, op)
  local meta = redis.call('HMGET', KEYS[10], 'clock', 'seq', 'size')
  local time = 0
  if virtual ~= '' then
    time = whole(virtual)
  else
    local server = redis.call('TIME')
    time = server[1] * 1000 + math.floor(server[2] / 1000)
  end
  clock, sequence, size = math.max(time, tonumber(meta[1] or 0)), tonumber(meta[2] or 0), tonumber(meta[3] or 0)
  local said = VERBS[op[1]](op)
  write()
  return cjson.encode({ said })
end

return answer(ARGV[1], cjson.decode(ARGV[2])[3][1])
