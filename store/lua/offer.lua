-- Claim a webhook body and append its hints to their subjects: both or neither.
-- KEYS[1] claim; KEYS[2] list of how far our clock was ahead of the tracker's, where that is known.
-- ARGV: prefix, claim life (ms), the connection a tracker was heard on ('' for our own hints),
-- with KEYS[2] then: how far it is now (ms), how many to keep, their life (ms);
-- then per hint: subject, settle (ms), ceiling (ms), hint JSON.
-- Answers 1 when stored, 0 when the body was seen before.
local prefix = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[3] ~= '' then
  redis.call('HSET', prefix .. 'heard', ARGV[3], now)
end
if not redis.call('SET', KEYS[1], now, 'NX', 'PX', ARGV[2]) then
  return 0
end
local next = 4
if KEYS[2] then
  redis.call('LPUSH', KEYS[2], ARGV[4])
  redis.call('LTRIM', KEYS[2], 0, ARGV[5] - 1)
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
  next = 7
end
for i = next, #ARGV, 4 do
  local subject, settle, ceiling = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local state = prefix .. 'subject:' .. subject
  redis.call('RPUSH', prefix .. 'hints:' .. subject, string.format('%d ', now) .. ARGV[i + 3])
  if redis.call('ZREM', prefix .. 'dead', subject) == 1 then
    redis.call('HDEL', state, 'first', 'attempts', 'waits', 'cause', 'not_before')
  end
  local held = redis.call('HMGET', state, 'first', 'lease', 'not_before', 'last', 'settle', 'ceiling')
  local first, last = tonumber(held[1] or now), now
  local free = tonumber(held[2] or 0) <= now
  if free and held[1] and settle < tonumber(held[5]) then
    -- A hint in more haste joins the burst that waits for its end: it neither cuts that short nor puts it off.
    last, settle, ceiling = tonumber(held[4]), tonumber(held[5]), tonumber(held[6])
  end
  redis.call('HSET', state, 'first', first, 'last', last, 'settle', settle, 'ceiling', ceiling)
  -- While a run holds the subject its lease end stays the due time: the run itself sets the next one.
  if free then
    -- News cuts a long wait after failures short: what failed yesterday may work today.
    local not_before = math.min(tonumber(held[3] or 0), now + 3600000)
    local due = math.max(math.min(last + settle, first + ceiling), not_before)
    redis.call('ZADD', prefix .. 'pending', due, subject)
  end
end
return 1
