-- Whole numbers. A double is exact to 2^53-1, and nothing beyond it is let in or comes out.

local MAX = 9007199254740991

-- A number of a request. What else Lua takes for one ('0x10', ' 5 ', 'nan', '1e3', '-1') is none.
local function whole(digits)
  if type(digits) == 'string' and #digits <= 16 and digits:find('^%d+$') then
    local number = tonumber(digits)
    if number <= MAX then return number end
  end
  error('mcp-budget: expected a whole number from 0 to 2^53-1')
end

-- A number that may be left out, as false.
local function wholeOr(digits, otherwise)
  if digits == false or digits == nil then return otherwise end
  return whole(digits)
end

-- As text: what Lua makes of a number by itself has 14 digits.
local function digits(number)
  return string.format('%.0f', number)
end
