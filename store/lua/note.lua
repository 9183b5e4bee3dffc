-- Keep a note at the head of a bounded list.
-- KEYS[1] list; KEYS[2] list of how far our clock was ahead of the tracker's, where that is known.
-- ARGV: prefix, the connection a tracker was heard on ('' when it was refused), note, most, life (ms),
-- with KEYS[2] then: how far it is now (ms), how many to keep, their life (ms).
if ARGV[2] ~= '' then
  local time = redis.call('TIME')
  redis.call('HSET', ARGV[1] .. 'heard', ARGV[2], time[1] * 1000 + math.floor(time[2] / 1000))
end
for i = 1, #KEYS do
  local value, most, life = ARGV[3 * i], ARGV[3 * i + 1], ARGV[3 * i + 2]
  redis.call('LPUSH', KEYS[i], value)
  redis.call('LTRIM', KEYS[i], 0, most - 1)
  redis.call('PEXPIRE', KEYS[i], life)
end
return 1
