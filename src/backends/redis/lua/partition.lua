-- One step of a partition: everything that is asked, in order, and all of it or nothing.
--
-- KEYS   1 records     hash    b budget, h hold (open, ended or refused) → its record
--                            a verb and request id → payload, or its digest, and answer
--                            c "root prefix" → what is used; c root → how many counts it has
--                            vp prefix, vn nonce → until when, empty for ever; vc budget → minted before
--                            m → clock, number of the last entry, mark, bans, due at, look at, remembered, and what is folded:
--                            up to which number, and up to what time
--        2 children    zset    "parent child", all of score 0, read by name
--        3 deadlines   zset    h hold, b budget, c count, v ban → when its time is up
--        4 forget      zset    h hold, a answer, b budget → when nobody will ask for it any more; o opening → when to look
--                              whether all entries of a forgotten budget are folded
--        5 ledger      stream  seq-0 → the entries from that number on, number and text in turn
--        6 openings    hash    budget id → the sum of its folded entries; # → up to which number, and what time
-- All of one hash slot. No others are touched, none is made of what comes in, and none has a time to live.
-- ARGV   1 the time of a test's clock, milliseconds since 1970; empty for the server's
--        2 how many entries the ledger keeps whole   3 how many answers are remembered at most
--        4 JSON: [authorities, lists of lines, requests]. A request is [verb, hold or false, answer's field or false,
--          budgets, …]; it names an authority and lines by their place. Numbers come as text
-- Answers with JSON: a list with the answer to each request; or "again", when so much was due that this step did
-- nothing but end it.
-- with: numbers records state places ledger money lines holds
-- lazily: folding books windows repeats ends extends spends times tokens passing family moves leases

-- Reads what the requests name in one go, and the state of the partition with it.
local function prefetch(requests)
  local fields, kinds, ids, count = { 'm' }, {}, {}, 1
  local function want(records, id)
    if records.known[id] ~= nil then return end
    records.known[id] = false
    count = count + 1
    fields[count], kinds[count], ids[count] = records.letter .. id, records, id
  end
  for n = 1, #requests do
    local op = requests[n]
    local named = op[4]
    if op[2] then want(holds, op[2]) end
    if op[3] then want(answers, op[3]) end
    for at = 1, #named do want(budgets, named[at]) end
  end
  local found = readFields(recordsKey, fields)
  for n = 2, count do
    if found[n] then kinds[n].known[ids[n]] = cmsgpack.unpack(found[n]) end
  end
  return found[1]
end

local function readMeta(packed, virtual)
  local time = 0
  if virtual ~= '' then
    time = whole(virtual)
  else
    local server = redis.call('TIME')
    time = server[1] * 1000 + math.floor(server[2] / 1000)
  end
  clock = time
  if not packed then return end
  local meta = cmsgpack.unpack(packed)
  clock, sequence, mark, bans = math.max(time, meta[1]), meta[2], meta[3], meta[4]
  dueAt, lookAt, remembered = meta[5], meta[6], meta[7]
  folded, foldedTo, foldedAt = meta[8], meta[8], meta[9]
end

local function answerTo(verb, op)
  if verb == 'hold' then return placeHold(op) end
  if verb == 'capture' then return capture(op) end
  if verb == 'release' then return release(op) end
  if verb == 'spend' then return spend(op) end
  if verb == 'extend' then return extend(op) end
  if verb == 'check' then return check(op) end
  if verb == 'find' then return find(op) end
  return (MOVES[verb] or LEASES[verb])(op)
end

-- Everything that is asked of this step.
local function step(kept, most, tokens, lines, requests)
  askedLines = lines
  readMeta(prefetch(requests), ARGV[1])
  if dueAt <= clock and not endDue() then
    write(kept)
    return '"again"'
  end
  if lookAt <= clock or remembered > most then forgetOld(most, #requests) end
  for n, each in ipairs(tokens) do authorities[n] = readAuthority(each) end
  local told = {}
  for n = 1, #requests do told[n] = answerTo(requests[n][1], requests[n]) end
  write(kept)
  return cjson.encode(told)
end

return step(whole(ARGV[2]), whole(ARGV[3]), unpack(cjson.decode(ARGV[4])))
