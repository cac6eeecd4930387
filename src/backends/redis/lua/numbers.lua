-- Whole numbers. A double is exact to 2^53-1, and nothing beyond it is let in or comes out.

local MAX = 9007199254740991

-- Numbers that were read and written in this step: most come and leave often.
local numberOf, written = {}, { [0] = '0' }

-- A number of a request. What else Lua takes for one ('0x10', ' 5 ', 'nan', '1e3', '-1') is none.
local function whole(text)
  local known = numberOf[text]
  if known then return known end
  if type(text) == 'string' and #text <= 16 and text:find('^%d+$') then
    local number = tonumber(text)
    if number <= MAX then
      numberOf[text] = number
      return number
    end
  end
  error('mcp-budget: expected a whole number from 0 to 2^53-1')
end

-- A number that may be left out, as false.
local function wholeOr(text, otherwise)
  if text == false or text == nil then return otherwise end
  return whole(text)
end

-- As text: what Lua makes of a number by itself has 14 digits.
local function digits(number)
  local text = written[number]
  if not text then
    text = string.format('%.0f', number)
    written[number] = text
  end
  return text
end

-- The same for one that is hardly written again.
local function digitsOnce(number)
  return string.format('%.0f', number)
end
