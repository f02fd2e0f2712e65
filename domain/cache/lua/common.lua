-- What several scripts begin with. All keys of a call lie in one slot.
--
-- A tenant's fence is one hash: `id`, random, made with the hash; `version`, how often it was changed since; `*`, the
-- offset below which nothing of the tenant is valid; `renewals`, how often something was invalidated by hand; and for
-- each tag that was touched since, the offset it was raised to and the renewal that it was last part of: "4211 0".
-- A tag that is not there stands at `*`. A hash without `id` only remembers what `*` has to be at least.
--
-- An entry is a hash: `header`, "id renewals offset etag", where the first three are what stood when it was read;
-- `tags`, with blanks between; `sealed`, the answer; `checked`, the version of the fence that it last stood at;
-- `early`, how many ms before its end one of those who ask refreshes it.

-- Keys hold the epoch, so that all can be forgotten at once. ARGV begins with it, and whoever has a wrong one is told
-- so: {'EPOCH'}. In a cluster the state is on another node, so there is no *state* key.
local function outdated(state)
  return state and redis.call('HGET', state, 'epoch') ~= ARGV[1]
end

-- "4211 0" -> 4211, 0
local function fence_of(value)
  local offset, renewal = string.match(value, '^(%d+) (%d+)$')
  return tonumber(offset), tonumber(renewal)
end

-- An entry's header -> id, renewals, offset; nothing if it is not one.
local function header_of(text)
  local id, renewals, offset = string.match(text, '^(%S+) (%d+) (%d+) ')
  return id, tonumber(renewals), tonumber(offset)
end

-- The fence's id, version, `*` and the values of *tags*, which is a text.
local function fence_at(fences, tags)
  local fields = {'id', 'version', '*'}
  for tag in string.gmatch(tags, '%S+') do
    fields[#fields + 1] = tag
  end
  local fence = redis.call('HMGET', fences, unpack(fields))
  fence.count = #fields
  return fence
end

-- Whether an answer may be given: nothing it shows was changed past its offset, or invalidated by hand since.
local function stands(fence, id, renewals, offset)
  if fence[1] ~= id or not offset or offset < tonumber(fence[3]) then
    return false
  end
  for index = 4, fence.count do
    if fence[index] then
      local raised, renewal = fence_of(fence[index])
      if offset < raised or renewals < renewal then
        return false
      end
    end
  end
  return true
end
