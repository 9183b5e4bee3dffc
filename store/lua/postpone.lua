-- Give the subject back for later.
-- ARGV: prefix, subject, token, delay (ms), free (1 = no attempt is spent), cause, hints read.
-- Answers 1, or 0 when the token is not the newest.
local prefix, subject = ARGV[1], ARGV[2]
local state = prefix .. 'subject:' .. subject
if redis.call('HGET', state, 'token') ~= ARGV[3] then
  return 0
end
local time = redis.call('TIME')
local delay = tonumber(ARGV[4])
if redis.call('LLEN', prefix .. 'hints:' .. subject) > tonumber(ARGV[7]) then
  -- As in offer: news cuts a long wait short, also when it came while the run was at work.
  delay = math.min(delay, 3600000)
end
local due = time[1] * 1000 + math.floor(time[2] / 1000) + delay
if ARGV[5] == '1' then
  redis.call('HINCRBY', state, 'attempts', -1)
  redis.call('HINCRBY', state, 'waits', 1)
end
redis.call('HDEL', state, 'token', 'lease', 'begun')
redis.call('HSET', state, 'not_before', due, 'cause', ARGV[6])
redis.call('ZADD', prefix .. 'pending', due, subject)
return 1
