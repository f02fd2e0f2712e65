-- Puts a message into a queue of Dramatiq's, as its own script does, unless the mark says that one like it waits there,
-- or too many others do, and rings at the queue's door. Returns whether it did. If not, the shard waits for the message
-- that is there.
--
-- KEYS: the mark, the queue, the messages of the queue, and where shards can wait, those that do.
-- ARGV: milliseconds that the mark lasts, how many messages are too many, the message's id in Redis, the message, and
-- where shards can wait, the shard.
if redis.call("SET", KEYS[1], 1, "NX", "PX", ARGV[1]) and redis.call("LLEN", KEYS[2]) < tonumber(ARGV[2]) then
  redis.call("HSET", KEYS[3], ARGV[3], ARGV[4])
  redis.call("RPUSH", KEYS[2], ARGV[3])
  -- Who may not publish is heard of a little later.
  redis.pcall("PUBLISH", KEYS[2], 1)
  return 1
end
if KEYS[4] then
  local now = redis.call("TIME")
  redis.call("ZADD", KEYS[4], "NX", now[1] * 1e6 + now[2], ARGV[5])
end
return 0
