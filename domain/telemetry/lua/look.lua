-- Return what each living process says, and the sum of what those counted that are gone. In one step, so that nobody
-- sees a process that is neither among the living nor in the sum, or in both.
--
-- KEYS: the set of processes, the sum
-- ARGV: what the names of the processes' keys begin with
--
-- {{process, what it says, …}, {counter, number, …}}

local said = {}
for _, process in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local own = ARGV[1] .. ':of:' .. process
  local value = redis.call('GET', own)
  if value and redis.call('EXISTS', ARGV[1] .. ':alive:' .. process) == 1 then
    said[#said + 1] = process
    said[#said + 1] = value
  else
    if value then
      for name, n in pairs(cjson.decode(value).counters) do
        redis.call('HINCRBY', KEYS[2], name, string.format('%.0f', n))
      end
      redis.call('DEL', own)
    end
    redis.call('SREM', KEYS[1], process)
  end
end
return {said, redis.call('HGETALL', KEYS[2])}
