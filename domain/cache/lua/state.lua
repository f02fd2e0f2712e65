-- Return the cache's epoch, and which stream tells of invalidations and how many it has told of.
--
-- KEYS: state
-- ARGV: new random epoch and stream id, for the first who asks; the run that this is
--
-- {epoch, stream id, messages so far}; epoch and stream id are false where none can be written
--
-- What another run has left was written by others meanwhile, if that run was a replica's which has handed back: then it
-- is not known what has happened to the keys of the run before.

local state = redis.call('HMGET', KEYS[1], 'epoch', 'stream', 'messages', 'run')
if not state[1] or state[4] ~= ARGV[2] then
  local made = redis.pcall('HSET', KEYS[1], 'epoch', ARGV[1], 'stream', ARGV[1], 'messages', 0, 'run', ARGV[2])
  if type(made) == 'table' and made.err then
    return {false, false, 0}
  end
  state = {ARGV[1], ARGV[1], '0'}
end
return {state[1], state[2], tonumber(state[3])}
