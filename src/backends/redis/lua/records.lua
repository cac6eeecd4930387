-- Records and times that a step reads once and writes once. Everything is read before it is decided on and written when
-- all is decided, for an error in a script takes nothing back.

-- How many arguments one command is given.
local MOST_ARGS = 2000

-- The records of one kind: fields of a hash that begin with the kind's letter. `known` is what was read, false where
-- there is none; `changed` is what must be written.
local function recordsOf(key, letter)
  return { key = key, letter = letter, known = {}, changed = {} }
end

local function unpacked(packed)
  return packed and cmsgpack.unpack(packed)
end

-- What stands in fields of a hash, false for nothing.
local function readFields(key, fields)
  local found = redis.call('HMGET', key, unpack(fields, 1, math.min(#fields, MOST_ARGS)))
  for from = MOST_ARGS + 1, #fields, MOST_ARGS do
    local more = redis.call('HMGET', key, unpack(fields, from, math.min(#fields, from + MOST_ARGS - 1)))
    for n = 1, #more do found[from + n - 1] = more[n] end
  end
  return found
end

local function load(records, ids)
  local missing, fields = {}, {}
  for _, id in ipairs(ids) do
    if records.known[id] == nil then
      records.known[id] = false
      missing[#missing + 1] = id
      fields[#missing] = records.letter .. id
    end
  end
  if #fields == 0 then return end
  for n, packed in ipairs(readFields(records.key, fields)) do records.known[missing[n]] = unpacked(packed) end
end

local function get(records, id)
  local known = records.known[id]
  if known == nil then
    known = unpacked(redis.call('HGET', records.key, records.letter .. id))
    records.known[id] = known
  end
  return known
end

-- Keeps a record, or with false takes it out.
local function put(records, id, record)
  records.known[id] = record
  records.changed[id] = true
end

local function inParts(args, command, key)
  local count = #args
  for from = 1, count, MOST_ARGS do redis.call(command, key, unpack(args, from, math.min(from + MOST_ARGS - 1, count))) end
end

-- Writes what has changed of kinds in one hash, after the fields and values in `set`.
local function writeRecords(key, kinds, set, removed)
  local del, count = {}, #set
  for n = 1, #kinds do
    local records = kinds[n]
    local known, letter = records.known, records.letter
    for id in pairs(records.changed) do
      local record = known[id]
      if record then
        set[count + 1], set[count + 2] = letter .. id, cmsgpack.pack(record)
        count = count + 2
      else
        del[#del + 1] = letter .. id
      end
    end
  end
  inParts(set, 'HSET', key)
  if #del > 0 then removed[#removed + 1] = { del, 'HDEL', key } end
end

-- Writes times, and takes out those that are false; answers with the earliest, and how many there are.
local function writeTimes(times, key, removed)
  local add, rem, count, earliest = {}, {}, 0, math.huge
  for member, time in pairs(times) do
    if time then
      add[count + 1], add[count + 2] = digits(time), member
      count = count + 2
      if time < earliest then earliest = time end
    else
      rem[#rem + 1] = member
    end
  end
  inParts(add, 'ZADD', key)
  if #rem > 0 then removed[#removed + 1] = { rem, 'ZREM', key } end
  return earliest, count / 2
end
