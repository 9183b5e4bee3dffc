-- Count what people made of our answers, once for each tag of an issue; a correction takes the place of a confirmation.
-- ARGV: journal, outcomes, lessons, counters, place, life (ms), rows kept; then for each tag: the journal's field,
-- the verdict, the row ('' when it teaches nothing), the counter ('' for none), the counter of withdrawn ones.
-- Answers how many rows were added. An issue without a journal was deleted meanwhile: it teaches nothing.
local journal, outcomes, lessons, counters, place = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local added = 0
if redis.call('EXISTS', journal) == 0 then
  return added
end
for i = 8, #ARGV, 5 do
  local field, verdict, row, counter, withdrawn = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local held = redis.call('HGET', journal, field)
  local was, counted = string.match(held or '', '^(%a*) ?(.*)$')
  local replaces = was == 'confirmed' and (verdict == 'corrected' or verdict == 'void')
  if not held or replaces then
    if replaces and verdict == 'corrected' then
      -- Rows name no issue: an equal one stands for the one that was counted.
      redis.call('LREM', outcomes, 1, counted)
      redis.call('HINCRBY', counters, withdrawn, 1)
    end
    redis.call('HSET', journal, field, verdict .. ' ' .. row)
    if row ~= '' then
      redis.call('LPUSH', outcomes, row)
      added = added + 1
    end
    if counter ~= '' then
      redis.call('HINCRBY', counters, counter, 1)
    end
  end
end
if added > 0 then
  redis.call('LTRIM', outcomes, 0, ARGV[7] - 1)
  redis.call('PEXPIRE', outcomes, ARGV[6])
  redis.call('HINCRBY', lessons, place, added)
  redis.call('PEXPIRE', lessons, ARGV[6])
end
return added
