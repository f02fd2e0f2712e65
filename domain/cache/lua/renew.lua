-- Invalidate a tenant's tags whatever the position of what carries them. No tags: all that it has.
--
-- KEYS: fences, state
-- ARGV: epoch, tags…

if outdated(KEYS[2]) then
  return {'EPOCH'}
end

local function renew()
  local base = redis.call('HMGET', KEYS[1], 'id', '*')
  if not base[1] then
    return
  end
  redis.call('HINCRBY', KEYS[1], 'version', 1)
  local renewals = redis.call('HINCRBY', KEYS[1], 'renewals', 1)
  for index = 2, #ARGV do
    local value = redis.call('HGET', KEYS[1], ARGV[index])
    local offset = value and fence_of(value) or tonumber(base[2])
    redis.call('HSET', KEYS[1], ARGV[index], string.format('%d %d', offset, renewals))
  end
end

if #ARGV == 1 or not pcall(renew) then
  redis.call('UNLINK', KEYS[1])
end
return {'RENEWED'}
