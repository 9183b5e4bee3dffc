-- Set fields of a hash that is there: of one that has gone meanwhile nothing is kept.
-- KEYS[1] hash. ARGV: a field that is given the time (ms), 1 when that must not be set yet, field, value, ...
-- Answers 1, or 0 when nothing was set.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
if ARGV[2] == '1' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  return 0
end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], time[1] * 1000 + math.floor(time[2] / 1000))
for i = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
return 1
