-- Keep what a process says, and that it lives.
--
-- KEYS: the set of processes, what this one says, its sign of life
-- ARGV: process, what it says, seconds for which it lives, seconds for which it is kept, '1' if it says so for the first time
--
-- 0: it was taken for gone, and what it had told was added to RETIRED; nothing is changed

if ARGV[5] ~= '1' and redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then
  return 0
end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[4])
redis.call('SET', KEYS[3], 1, 'EX', ARGV[3])
return 1
