-- Call records of a partition, a batch of them, and all of it or nothing. The newest are kept whole, older ones are counted.
--
-- KEYS   1 calls       stream  seq-0 → the records from that number on, number and JSON in turn
--        2 folded      hash    "outcome proves budgets tool" → calls, charged, reported; = → the last number;
--                              # → up to which number they are counted, and the latest time of those
--        3 batches     zset    batch → its last number, of the newest 1,000: one that comes twice is written once
-- All of one hash slot. No others are touched, and none has a time to live.
-- ARGV   1 how many records are kept whole   2 the id of the batch
--        3 JSON: [[], [], [[records, counts], …]]: each record as JSON in text, and what was counted elsewhere, to be added
-- Answers with JSON: a list with an empty answer to each request.
-- with: numbers records places folding

-- How many kinds are told apart; beyond it without the tool's name, and beyond twice as many without the budgets'.
local MOST_KINDS, OTHER = 10000, '(other)'
local MOST_BATCHES = 1000

local callsKey, foldedKey, batchesKey = KEYS[1], KEYS[2], KEYS[3]
-- Sums by kind, as they must be written: calls, charged, reported.
local callKinds, kindCount = {}, false

-- A record of the text that JSON.stringify makes, in which only half of a character is written as one of these. What
-- looks so behind a backslash that is written as two is text: those are put away meanwhile, as what never stands in JSON.
local function readRecord(text)
  local apart = text:gsub('\\\\', '\1')
  local sound = apart:gsub('\\u[dD][89a-fA-F]%x%x', '\\ufffd')
  return cjson.decode((sound:gsub('\1', '\\\\')))
end

local function isKnown(kind)
  if callKinds[kind] then return true end
  local text = redis.call('HGET', foldedKey, kind)
  if text then callKinds[kind] = numbersOf(text) end
  return text
end

local function kindOf(record, tool, of)
  local kind = record.outcome .. ' ' .. record.proves .. ' ' .. table.concat(of, ',') .. ' ' .. tool
  if isKnown(kind) then return kind end
  kindCount = kindCount or redis.call('HLEN', foldedKey)
  if kindCount >= MOST_KINDS and tool ~= OTHER then return kindOf(record, OTHER, of) end
  if kindCount >= 2 * MOST_KINDS and #of > 0 then return kindOf(record, OTHER, {}) end
  kindCount, callKinds[kind] = kindCount + 1, { 0, 0, 0 }
  return kind
end

-- As `addCalls` of src/ledger/call-sums.ts does. What began is counted by the record of its end.
local function countRecord(record)
  if record.outcome == 'begun' then return end
  local sum = callKinds[kindOf(record, record.tool, record.budgets)]
  local isCall = record.outcome ~= 'input-required' and not record.taskEnd
  local more = record.kind == 'calls' and record or record.charge
  if type(more) ~= 'table' then more = {} end
  sum[1] = sum[1] + (more.calls or (isCall and 1 or 0))
  sum[2] = sum[2] + (more.charged or 0)
  sum[3] = sum[3] + (more.reported or 0)
end

local function writeKinds(last, past, latest)
  local set = { '=', digits(last), '#', digits(past) .. ' ' .. digits(latest) }
  for kind, sum in pairs(callKinds) do
    set[#set + 1] = kind
    set[#set + 1] = digits(sum[1]) .. ' ' .. digits(sum[2]) .. ' ' .. digits(sum[3])
  end
  inParts(set, 'HSET', foldedKey)
end

local function appendRecords(kept, batch, asked)
  local told = {}
  for n = 1, #asked do told[n] = {} end
  if redis.call('ZSCORE', batchesKey, batch) then return cjson.encode(told) end
  local known = redis.call('HMGET', foldedKey, '=', '#')
  local last, before = tonumber(known[1] or 0), numbersOf(known[2] or '0 0')
  local texts, latest = {}, before[2]
  for _, request in ipairs(asked) do
    for _, text in ipairs(request[1]) do
      last = last + 1
      texts[#texts + 1] = digits(last)
      texts[#texts + 1] = text
    end
    for _, text in ipairs(request[2]) do countRecord(readRecord(text)) end
  end
  local past = foldPlaces(callsKey, kept, before[1], last, #texts / 2, function(text)
    local record = readRecord(text)
    latest = math.max(latest, record.at)
    countRecord(record)
  end)
  writePlaces(callsKey, texts, last)
  writeKinds(last, past, latest)
  redis.call('ZADD', batchesKey, digits(last), batch)
  redis.call('ZREMRANGEBYRANK', batchesKey, 0, -1 - MOST_BATCHES)
  if past > before[1] then inParts(unpack(cutPlaces(callsKey, past))) end
  return cjson.encode(told)
end

return appendRecords(whole(ARGV[1]), ARGV[2], cjson.decode(ARGV[3])[3])
