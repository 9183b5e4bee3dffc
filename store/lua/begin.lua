-- Start a run: count the attempt, renew the lease, read the hints. ARGV: prefix, subject, token, lease (ms).
-- Answers false when the token is not the newest, else {attempts, waits, cause, ms since the first hint,
-- 1 when the run before this one never came to an end, hint, ...}.
local prefix, subject = ARGV[1], ARGV[2]
local state = prefix .. 'subject:' .. subject
if redis.call('HGET', state, 'token') ~= ARGV[3] then
  return false
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = now + tonumber(ARGV[4])
local attempts = redis.call('HINCRBY', state, 'attempts', 1)
local silent = redis.call('HEXISTS', state, 'begun')
redis.call('HSET', state, 'lease', lease, 'begun', ARGV[3])
redis.call('ZADD', prefix .. 'pending', lease, subject)
redis.call('ZREM', prefix .. 'handed', subject)
local held = redis.call('HMGET', state, 'waits', 'cause', 'first')
local answer = {attempts, tonumber(held[1] or 0), held[2] or '', now - tonumber(held[3] or now), silent}
for _, hint in ipairs(redis.call('LRANGE', prefix .. 'hints:' .. subject, 0, -1)) do
  answer[#answer + 1] = hint
end
return answer
