-- Numbered texts in a stream. What one command writes has one place, and the number of its first text is the id of that:
-- a reader may begin anywhere, and what is too old is cut off by number. Numbers and texts stand in turn.

-- `last`: the number of the last text.
local function writePlaces(key, texts, last)
  local first = last - #texts / 2 + 1
  for from = 1, #texts, MOST_ARGS do
    local part = { unpack(texts, from, math.min(from + MOST_ARGS - 1, #texts)) }
    redis.call('XADD', key, digits(first + (from - 1) / 2) .. '-0', unpack(part))
  end
end
