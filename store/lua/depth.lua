-- How full the inbox is. ARGV: prefix.
-- Answers pending, due, waiting for a run to begin, ms past due of the oldest of these, dead.
local prefix = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local pending = prefix .. 'pending'
local due = redis.call('ZCOUNT', pending, '-inf', now)
local waiting, oldest = due, now
local first = redis.call('ZRANGE', pending, 0, 0, 'WITHSCORES')
if first[2] then
  oldest = math.min(oldest, first[2])
end
-- What was handed out is due again when its lease ends, but has waited since it was due at first.
local handed = redis.call('ZRANGE', prefix .. 'handed', 0, -1, 'WITHSCORES')
for i = 1, #handed, 2 do
  local again = tonumber(redis.call('ZSCORE', pending, handed[i]))
  if again then
    oldest = math.min(oldest, handed[i + 1])
    if again > now then
      waiting = waiting + 1
    end
  end
end
return {redis.call('ZCARD', pending), due, waiting, now - oldest, redis.call('ZCARD', prefix .. 'dead')}
