-- Keep a note at the head of a bounded list. KEYS[1] list.
-- ARGV: prefix, the connection a tracker was heard on ('' when it was refused), note, most, life (ms).
if ARGV[2] ~= '' then
  local time = redis.call('TIME')
  redis.call('HSET', ARGV[1] .. 'heard', ARGV[2], time[1] * 1000 + math.floor(time[2] / 1000))
end
redis.call('LPUSH', KEYS[1], ARGV[3])
redis.call('LTRIM', KEYS[1], 0, ARGV[4] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
