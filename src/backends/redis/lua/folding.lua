-- The oldest numbered texts are handed to who adds them up, and cut off.

-- How many are folded in one step, or twice as many as it writes.
local FOLDED = 500

-- Hands the oldest that are more than are kept to `fold`, some at a time, so that no step is long; answers with the number
-- of the last that was folded. `last` counts what this step will write, `count` is how many that are.
local function foldPlaces(key, kept, past, last, count, fold)
  local most = last - kept
  if most - past <= math.min(kept / 64, 1024) then return past end
  local some = math.min(most, past + math.max(FOLDED, 2 * count))
  for _, place in ipairs(redis.call('XRANGE', key, '-', digits(some))) do
    local texts = place[2]
    local till = tonumber(texts[#texts - 1])
    if till > most then break end
    for n = 2, #texts, 2 do fold(texts[n], tonumber(texts[n - 1])) end
    past = till
  end
  return past
end

-- What is cut off the stream, in the form of what a step takes out.
local function cutPlaces(key, past)
  return { { 'MINID', digits(past + 1) }, 'XTRIM', key }
end

-- Numbers with spaces between them.
local function numbersOf(text)
  local found = {}
  for word in text:gmatch('%S+') do found[#found + 1] = tonumber(word) end
  return found
end
