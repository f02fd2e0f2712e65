-- Store an answer if its fences still stand as they did before it was loaded, and give the lease back.
--
-- KEYS: fences, entry, lease, state
-- ARGV: epoch, lease token or '', header, tags, sealed, ms to keep it
--
-- {'STORED'}
-- {'LEASED'}: the lease has passed to another one | {'FENCED'}: something was invalidated | {'OLDER'}: a newer one is there

if outdated(KEYS[4]) then
  return {'EPOCH'}
end

if ARGV[2] ~= '' then
  local holder = redis.call('GET', KEYS[3])
  if holder and holder ~= ARGV[2] then
    return {'LEASED'}
  end
  if holder then
    redis.call('DEL', KEYS[3])
  end
end

local id, renewals, offset = header_of(ARGV[3])
local fence = fence_at(KEYS[1], ARGV[4])
if not stands(fence, id, renewals, offset) then
  return {'FENCED'}
end

local present = redis.call('HGET', KEYS[2], 'header')
if present then
  local its_id, its_renewals, its_offset = header_of(present)
  if its_id == id and its_renewals >= renewals and its_offset > offset then
    return {'OLDER'}
  end
end

-- In the last tenth of its time it is refreshed by one of those who ask for it.
local early = math.floor(tonumber(ARGV[6]) / 10)
redis.call('HSET', KEYS[2], 'header', ARGV[3], 'tags', ARGV[4], 'sealed', ARGV[5], 'checked', fence[2], 'early', early)
redis.call('PEXPIRE', KEYS[2], ARGV[6])
-- A fence outlives all that it fences, so that its end is never met by an entry that is still good.
redis.call('PEXPIRE', KEYS[1], FENCE_MS)
return {'STORED'}
