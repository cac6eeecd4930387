-- Records and times that a step reads once and writes once. Everything is read before it is decided on and written when
-- all is decided, for an error in a script takes nothing back.

-- How many arguments one command is given.
local MOST_ARGS = 2000

-- The records of one hash: `known` is what was read, false where there is none; `changed` is what must be written.
local function recordsOf(key)
  return { key = key, known = {}, changed = {} }
end

local function load(records, ids)
  local missing = {}
  for _, id in ipairs(ids) do
    if records.known[id] == nil then
      records.known[id] = false
      missing[#missing + 1] = id
    end
  end
  for from = 1, #missing, MOST_ARGS do
    local part = { unpack(missing, from, math.min(from + MOST_ARGS - 1, #missing)) }
    for n, packed in ipairs(redis.call('HMGET', records.key, unpack(part))) do
      if packed then records.known[part[n]] = cmsgpack.unpack(packed) end
    end
  end
end

local function get(records, id)
  local known = records.known[id]
  if known == nil then
    local packed = redis.call('HGET', records.key, id)
    known = packed and cmsgpack.unpack(packed)
    records.known[id] = known
  end
  return known
end

-- Keeps a record, or with false takes it out.
local function put(records, id, record)
  records.known[id] = record
  records.changed[id] = true
end

local function inParts(args, command, ...)
  for from = 1, #args, MOST_ARGS do
    local all = { command, ... }
    for n = from, math.min(from + MOST_ARGS - 1, #args) do all[#all + 1] = args[n] end
    redis.call(unpack(all))
  end
end

local function writeRecords(records, removed)
  local set, del = {}, {}
  for id in pairs(records.changed) do
    local record = records.known[id]
    if record then
      set[#set + 1] = id
      set[#set + 1] = cmsgpack.pack(record)
    else
      del[#del + 1] = id
    end
  end
  inParts(set, 'HSET', records.key)
  if #del > 0 then removed[#removed + 1] = { del, 'HDEL', records.key } end
end

local function writeTimes(times, key, removed)
  local add, rem = {}, {}
  for member, time in pairs(times) do
    if time then
      add[#add + 1] = digits(time)
      add[#add + 1] = member
    else
      rem[#rem + 1] = member
    end
  end
  inParts(add, 'ZADD', key)
  if #rem > 0 then removed[#removed + 1] = { rem, 'ZREM', key } end
end
