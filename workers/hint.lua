-- Puts a message into a queue of Dramatiq's, as its own script does, unless the mark says that one like it waits there,
-- or too many others do. Returns whether it did.
--
-- KEYS: the mark, the queue, the messages of the queue.
-- ARGV: milliseconds that the mark lasts, how many messages are too many, the message's id in Redis, the message.
if not redis.call("SET", KEYS[1], 1, "NX", "PX", ARGV[1]) then
  return 0
end
if redis.call("LLEN", KEYS[2]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call("HSET", KEYS[3], ARGV[3], ARGV[4])
redis.call("RPUSH", KEYS[2], ARGV[3])
return 1
