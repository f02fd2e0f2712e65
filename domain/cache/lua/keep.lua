-- Keep a lease, or give it back, if it is still ours.
--
-- KEYS: lease
-- ARGV: token, ms to keep it; 0 gives it back

if redis.call('GET', KEYS[1]) == ARGV[1] then
  if ARGV[2] == '0' then
    return redis.call('DEL', KEYS[1])
  end
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
