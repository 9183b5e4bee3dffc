-- Put a dead subject back with fresh attempts. ARGV: prefix, subject. Answers 1, or 0 when it is not dead.
local prefix, subject = ARGV[1], ARGV[2]
if redis.call('ZREM', prefix .. 'dead', subject) == 0 then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local state = prefix .. 'subject:' .. subject
redis.call('HDEL', state, 'attempts', 'waits', 'cause', 'not_before')
redis.call('HSET', state, 'first', now, 'last', now)
redis.call('ZADD', prefix .. 'pending', now, subject)
return 1
