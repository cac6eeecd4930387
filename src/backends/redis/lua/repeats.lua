-- Holds that were asked for before, and those that are refused.

local function sameLines(lines, asked)
  if #lines ~= #asked then return false end
  for n, line in ipairs(lines) do
    local other = asked[n]
    if line.budget ~= other[1] or line.amount ~= whole(other[2]) or (line.unit or 'credits') ~= (other[3] or 'credits') then
      return false
    end
  end
  return true
end

local function refusedHold(by)
  return { 'refused', by.reason, by.budget, digits(by.remaining), by.resetAt and digits(by.resetAt) or false }
end

local function replayHold(known, op, asked)
  local token = authorities[op[11]] and authorities[op[11]].token or nil
  local same = known.ttl > 0 and not known.lease and known.ttl == whole(op[6]) and known.onExpire == op[7]
    and known.overdraft == (op[8] or nil)
    and known.tool == (op[9] or nil) and known.server == (op[10] or nil) and known.token == token
    and sameLines(known.refused and known.refused.lines or known.lines, asked)
  if not same then
    return { 'refused', known.ttl == 0 and 'hold_ended' or 'id_reused', asked[1][1], '0', false }
  end
  if known.refused then return refusedHold(known.refused) end
  return { 'held', digits(known.remaining), digits(known.debt or 0) }
end

local function refuseHold(op, authority, by, asked)
  if authority then by.remaining = math.min(by.remaining, leftOf(authority)) end
  local hold = newHold(op, authority, 'refused', {})
  local lines = {}
  for n, each in ipairs(asked) do lines[n] = { budget = each[1], amount = whole(each[2]), unit = each[3] or nil } end
  by.lines = lines
  hold.refused = by
  remember(op[2], hold)
  return refusedHold(by)
end
