-- Keep a note at the head of a bounded list. KEYS[1] list. ARGV: note, most, life (ms).
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
