-- Drop dead letters past their life, some at a time. ARGV: prefix, life (ms). Answers how many went.
-- One script: a hint that revives a subject comes before it or after it, never in between.
local prefix = ARGV[1]
local time = redis.call('TIME')
local before = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[2])
local old = redis.call('ZRANGEBYSCORE', prefix .. 'dead', '-inf', before, 'LIMIT', 0, 1000)
for _, subject in ipairs(old) do
  redis.call('ZREM', prefix .. 'dead', subject)
  redis.call('DEL', prefix .. 'hints:' .. subject, prefix .. 'subject:' .. subject)
end
return #old
