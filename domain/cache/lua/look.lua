-- Look up an answer; where there is none, ask for the lease to load it.
--
-- KEYS: fences, entry, lease, state
-- ARGV: epoch, least offset wanted, lease token, tags known from the question
--
-- {'UNFENCED'} | {'WAIT'}: another one has the lease
-- {'HIT', header, tags, sealed, ms left, 1 if the lease was given for a refresh}
-- {'LEAD', id, renewals, offset that the known tags stand at, 1 if leased, 1 if an entry was there}

if outdated(KEYS[4]) then
  return {'EPOCH'}
end

local now = redis.call('HMGET', KEYS[1], 'id', 'version')
if not now[1] then
  return {'UNFENCED'}
end

-- A server that can't be written to gives no leases, yet what it has is as good as ever.
local function lease()
  local given = redis.pcall('SET', KEYS[3], ARGV[3], 'NX', 'PX', LEASE_MS)
  if type(given) == 'table' and given.err then
    return nil
  end
  return given and true or false
end

local entry = redis.call('HMGET', KEYS[2], 'header', 'tags', 'sealed', 'checked', 'early')
if entry[1] and entry[2] and entry[3] and entry[5] then
  local id, renewals, offset = header_of(entry[1])
  local good = id == now[1] and offset >= tonumber(ARGV[2])
  -- Its tags are looked at once for each version of the fence, since they may be many.
  if good and entry[4] ~= now[2] then
    good = stands(fence_at(KEYS[1], entry[2]), id, renewals, offset)
    if good then
      redis.pcall('HSET', KEYS[2], 'checked', now[2])
    end
  end
  if good then
    local left = redis.call('PTTL', KEYS[2])
    local refresh = left < tonumber(entry[5]) and lease()
    return {'HIT', entry[1], entry[2], entry[3], left, refresh and 1 or 0}
  end
end

local leased = lease()
if leased == false then
  return {'WAIT'}
end
local fence = fence_at(KEYS[1], ARGV[4])
local offset = tonumber(fence[3])
for index = 4, fence.count do
  if fence[index] then
    offset = math.max(offset, (fence_of(fence[index])))
  end
end
local renewals = redis.call('HGET', KEYS[1], 'renewals') or '0'
return {'LEAD', now[1], renewals, offset, leased and 1 or 0, entry[1] and 1 or 0}
