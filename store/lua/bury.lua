-- Give the subject up: its newest hints and the cause are kept for people.
-- ARGV: prefix, subject, token, cause, hints read, hints to keep.
-- Answers 0 when the token is not the newest, 1 when buried, 2 when a newer hint gives it fresh attempts.
local prefix, subject = ARGV[1], ARGV[2]
local state = prefix .. 'subject:' .. subject
if redis.call('HGET', state, 'token') ~= ARGV[3] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HDEL', state, 'token', 'lease', 'begun', 'not_before', 'waits')
if redis.call('LLEN', prefix .. 'hints:' .. subject) > tonumber(ARGV[5]) then
  redis.call('HDEL', state, 'attempts', 'cause')
  redis.call('ZADD', prefix .. 'pending', now + redis.call('HGET', state, 'settle'), subject)
  return 2
end
redis.call('HSET', state, 'cause', ARGV[4])
-- One that is revived and given up again for ever must not grow for ever.
redis.call('LTRIM', prefix .. 'hints:' .. subject, -ARGV[6], -1)
redis.call('ZREM', prefix .. 'pending', subject)
redis.call('ZADD', prefix .. 'dead', now, subject)
return 1
