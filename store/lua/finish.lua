-- End a run: remove exactly the hints it read. ARGV: prefix, subject, token, how many.
-- Answers 0 when the token is not the newest, 1 when nothing is left, 2 when hints came in meanwhile.
local prefix, subject = ARGV[1], ARGV[2]
local state = prefix .. 'subject:' .. subject
local hints = prefix .. 'hints:' .. subject
if redis.call('HGET', state, 'token') ~= ARGV[3] then
  return 0
end
redis.call('LTRIM', hints, ARGV[4], -1)
local first = redis.call('LINDEX', hints, 0)
if not first then
  redis.call('DEL', hints, state)
  redis.call('ZREM', prefix .. 'pending', subject)
  return 1
end
first = tonumber(string.match(first, '^%d+'))
local last = tonumber(string.match(redis.call('LINDEX', hints, -1), '^%d+'))
local waits = redis.call('HMGET', state, 'settle', 'ceiling')
redis.call('HDEL', state, 'token', 'lease', 'begun', 'attempts', 'waits', 'cause', 'not_before')
redis.call('HSET', state, 'first', first, 'last', last)
redis.call('ZADD', prefix .. 'pending', math.min(last + waits[1], first + waits[2]), subject)
return 2
