"""Thousands of invalidations while connections are cut, the stream is trimmed and the reader stands still."""

from __future__ import annotations

import random
import threading
import time

import pytest
import redis

from domain.cache.factory import make_cache, make_invalidator
from domain.model.position import Position
from tests.faults.cache_truth import SHARD, TENANT, Loaded, key, tag, value_of
from tests.faults.scale import scaled
from tests.integration.cache.conftest import trusted, wait_until

pytestmark = pytest.mark.fault

INVALIDATIONS = scaled(3_000, 10_000)
#: Every so many of them the connections are cut.
CUT = 100
USERS = 20


def test_no_invalidation_is_lost(redis_url):
    cache, invalidator, chance = make_cache(redis_url, lambda _: head[0]), make_invalidator(redis_url), random.Random(1)
    client = redis.Redis.from_url(redis_url)
    head, values, invalidated = [1], dict.fromkeys(range(USERS), 1), dict.fromkeys(range(USERS), 1)
    cache.start()
    wait_until(lambda: trusted(cache))
    stop, late, levels = threading.Event(), [], set()

    def read() -> None:
        readers = random.Random(2)
        while not stop.is_set():
            user = readers.randrange(USERS)
            due, asked = invalidated[user], time.monotonic()
            found = cache.get_or_load(key(user), lambda user=user: load(user))
            levels.add(found.level)
            if value_of(found.body) < due:
                late.append((found.level, asked))
            time.sleep(0.0005)

    def load(user: int) -> Loaded:
        value, offset = values[user], head[0]
        return Loaded(b'{"value": %d}' % value, Position(SHARD, offset))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(INVALIDATIONS):
        user = chance.randrange(USERS)
        # One at a time writes, so a value is never ahead of its position.
        offset = head[0] + 1
        head[0], values[user] = offset, offset
        while True:
            try:
                invalidator.raise_({TENANT: {tag(user): offset}})
                break
            except redis.RedisError:
                continue
        invalidated[user] = offset
        if number % CUT == 0:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        if number % (CUT * 10) == CUT * 5:
            client.xtrim("cache:{all}:stream", maxlen=0)
    ended = time.monotonic()
    wait_until(
        lambda: all(value_of(cache.get_or_load(key(u), lambda u=u: load(u)).body) == values[u] for u in range(USERS)), 5
    )
    quiet = time.monotonic() - ended
    stop.set()
    reader.join()
    reading = cache.reader
    state = f"{reading.missed} times missed, {reading.disconnected} times disconnected"
    print(f"\n{INVALIDATIONS} invalidations, {state}; right {quiet * 1000:.0f} ms after the last; late {len(late)}")
    cache.close()
    cache.disconnect()
    invalidator.close()
    client.close()

    assert reading.disconnected > 0
    # An answer from Redis is never late; one from memory only as long as the news travels.
    assert {level for level, _ in late} <= {"l1"}
    assert levels >= {"l1", "load"}
    assert quiet < 2.5
