-- Pause a scope, unless it is paused for longer already, and list what is paused.
-- KEYS: pause, pauses. ARGV: reason, length (ms), the row of the list.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local length = tonumber(ARGV[2])
if redis.call('PTTL', KEYS[1]) < length then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', length)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], 'GT', now + length, ARGV[3])
if redis.call('PTTL', KEYS[2]) < length then
  redis.call('PEXPIRE', KEYS[2], length)
end
return 1
