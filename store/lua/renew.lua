-- Before each write: is the lease still ours? If so it is renewed. ARGV: prefix, subject, token, lease (ms).
-- Answers 1 or 0. A lease that has run out is not renewed: another run may already have been promised the subject.
local prefix, subject = ARGV[1], ARGV[2]
local state = prefix .. 'subject:' .. subject
local held = redis.call('HMGET', state, 'token', 'lease')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if held[1] ~= ARGV[3] or tonumber(held[2] or 0) <= now then
  return 0
end
local lease = now + tonumber(ARGV[4])
redis.call('HSET', state, 'lease', lease)
redis.call('ZADD', prefix .. 'pending', lease, subject)
return 1
