-- Lease subjects that are due. ARGV: prefix, lease (ms), most.
-- Answers a flat list: subject, token, ms past due, ...
local prefix = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local pending = prefix .. 'pending'
local due = redis.call('ZRANGEBYSCORE', pending, '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local taken = {}
for i = 1, #due, 2 do
  local subject = due[i]
  local token = redis.call('INCR', prefix .. 'token')
  local lease = now + tonumber(ARGV[2])
  redis.call('HSET', prefix .. 'subject:' .. subject, 'token', token, 'lease', lease)
  redis.call('ZADD', pending, lease, subject)
  taken[#taken + 1] = subject
  taken[#taken + 1] = token
  taken[#taken + 1] = now - due[i + 1]
end
return taken
