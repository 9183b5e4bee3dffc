-- Count an issue that is to be written to, or hold all writing when that were more than is allowed in the window.
-- KEYS: written, held. ARGV: issue, most, window (ms).
-- Answers {0} to go ahead; {1, since, issues} when held already, {2, since, issues} when held from now on.
if redis.call('EXISTS', KEYS[2]) == 1 then
  local held = redis.call('HMGET', KEYS[2], 'since', 'issues', 'most', 'window')
  return {1, held[1], held[2], held[3], held[4]}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most, window = tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local written = redis.call('ZCARD', KEYS[1])
if written >= most and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  redis.call('HSET', KEYS[2], 'since', now, 'issues', written, 'most', most, 'window', window)
  return {2, now, written, most, window}
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], window)
return {0}
