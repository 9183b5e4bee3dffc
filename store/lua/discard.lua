-- Drop a dead subject with its hints, and count it: nothing goes unseen.
-- ARGV: prefix, subject, connection. Answers how many hints were dropped, or -1 when it is not dead.
local prefix, subject = ARGV[1], ARGV[2]
if redis.call('ZREM', prefix .. 'dead', subject) == 0 then
  return -1
end
local hints = redis.call('LLEN', prefix .. 'hints:' .. subject)
redis.call('DEL', prefix .. 'hints:' .. subject, prefix .. 'subject:' .. subject)
redis.call('HINCRBY', prefix .. 'counters', 'discarded|' .. ARGV[3], 1)
return hints
