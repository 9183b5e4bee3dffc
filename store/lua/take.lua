-- Lease subjects that are due. ARGV: prefix, lease (ms), most.
-- Answers a flat list: subject, token, ms past due, ...
local prefix = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local micros = time[1] * 1000000 + time[2]
local pending = prefix .. 'pending'
local due = redis.call('ZRANGEBYSCORE', pending, '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local taken = {}
for i = 1, #due, 2 do
  local subject = due[i]
  -- Never smaller than the clock: a counter that lost its last second must not give a token twice.
  local token = redis.call('INCR', prefix .. 'token')
  if token < micros then
    token = micros
    redis.call('SET', prefix .. 'token', string.format('%d', token))
  end
  local lease = now + tonumber(ARGV[2])
  redis.call('HSET', prefix .. 'subject:' .. subject, 'token', string.format('%d', token), 'lease', lease)
  redis.call('ZADD', pending, lease, subject)
  redis.call('ZADD', prefix .. 'handed', 'NX', due[i + 1], subject)
  taken[#taken + 1] = subject
  taken[#taken + 1] = token
  taken[#taken + 1] = now - due[i + 1]
end
return taken
