-- Make a tenant's fence where there is none. The offset was read after it was found missing, so it is at or past all
-- that was ever invalidated and forgotten.
--
-- KEYS: fences, state
-- ARGV: epoch, new random id, offset applied

if outdated(KEYS[2]) then
  return {'EPOCH'}
end

if redis.call('HEXISTS', KEYS[1], 'id') == 0 then
  local least = tonumber(redis.call('HGET', KEYS[1], '*') or '0')
  redis.call('HSET', KEYS[1], 'id', ARGV[2], 'version', 0, '*', math.max(least, tonumber(ARGV[3])))
  redis.call('PEXPIRE', KEYS[1], FENCE_MS)
end
return {'MINTED'}
