-- Raise a tenant's tags to the offsets of events, never back.
--
-- KEYS: fences, state
-- ARGV: epoch, most tags to keep, then pairs of tag and offset
--
-- {'RAISED'} | {'FORGOTTEN'}: it can't be written, so all that the tenant has was invalidated

if outdated(KEYS[2]) then
  return {'EPOCH'}
end

local highest = 0
for index = 4, #ARGV, 2 do
  highest = math.max(highest, tonumber(ARGV[index]))
end

-- Below this nothing is valid any more. Without an id there is nothing that could be, and what is remembered is only
-- how far the fence has to reach when it is made again.
local function raise_all()
  local least = tonumber(redis.call('HGET', KEYS[1], '*') or '0')
  redis.call('UNLINK', KEYS[1])
  redis.call('HSET', KEYS[1], '*', math.max(least, highest))
end

local function raise()
  if redis.call('HEXISTS', KEYS[1], 'id') == 0 or redis.call('HLEN', KEYS[1]) > tonumber(ARGV[2]) then
    return raise_all()
  end
  redis.call('HINCRBY', KEYS[1], 'version', 1)
  local base = tonumber(redis.call('HGET', KEYS[1], '*'))
  for index = 3, #ARGV, 2 do
    local tag, offset = ARGV[index], tonumber(ARGV[index + 1])
    if tag == '*' then
      base = math.max(base, offset)
      redis.call('HSET', KEYS[1], '*', base)
    elseif offset > base then
      local present, renewal = 0, 0
      local value = redis.call('HGET', KEYS[1], tag)
      if value then
        present, renewal = fence_of(value)
      end
      if offset > present then
        redis.call('HSET', KEYS[1], tag, string.format('%d %d', offset, renewal))
      end
    end
  end
end

if pcall(raise) then
  redis.call('PEXPIRE', KEYS[1], FENCE_MS)
  return {'RAISED'}
end
-- A server that is full refuses to write but not to delete, and without its fence nothing of the tenant is valid.
redis.call('UNLINK', KEYS[1])
return {'FORGOTTEN'}
