-- Tell all processes of an invalidation, if the epoch is still the one in which its tags were raised.
--
-- KEYS: state, stream
-- ARGV: epoch, message, most messages to keep, new epoch or ''
--
-- {'TOLD'}
-- {'FORGOTTEN'}: the server takes no messages, so all processes were made to see that they have missed some

if outdated(KEYS[1]) then
  return {'EPOCH'}
end

local function tell()
  local number = redis.call('HINCRBY', KEYS[1], 'messages', 1)
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 's', redis.call('HGET', KEYS[1], 'stream'), 'n', number, 'm', ARGV[2])
  if ARGV[4] ~= '' then
    redis.call('HSET', KEYS[1], 'epoch', ARGV[4])
  end
end

if pcall(tell) then
  return {'TOLD'}
end
-- Deleting is still allowed where writing is not.
redis.call('UNLINK', KEYS[1], KEYS[2])
return {'FORGOTTEN'}
