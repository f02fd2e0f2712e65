"""What the caches of several processes are held against: values in memory that all of them share."""

from __future__ import annotations

import random
import time
from typing import Any, NamedTuple

import orjson

from domain.cache.keys import Key, key_of
from domain.model.position import Position, shard_of

TENANT = "11111111-1111-4111-8111-111111111111"
SHARD = shard_of(TENANT)


class Loaded(NamedTuple):
    body: bytes | None
    position: Position


class Truth:
    """The value of each user is the offset at which it was last written. Times are those of the machine's clock."""

    def __init__(self, context: Any, users: int, writes: int) -> None:
        self.users = users
        self._lock = context.Lock()
        self._head = context.Value("q", 0, lock=False)
        self._values = context.Array("q", users, lock=False)
        #: By offset: which write of the same user came next, and when its invalidation had ended.
        self._next = context.Array("q", writes + users + 1, lock=False)
        self._ended = context.Array("d", writes + users + 1, lock=False)
        #: How many processes have done their part.
        self.done = context.Value("q", 0)
        for user in range(users):
            self.write(user)

    def write(self, user: int) -> int:
        """Commit a new value; return its offset."""
        with self._lock:
            self._head.value += 1
            offset = int(self._head.value)
            self._next[self._values[user]] = offset
            self._values[user] = offset
            return offset

    def value(self, user: int) -> int:
        return int(self._values[user])

    def applied(self, _: int) -> int:
        return int(self._head.value)

    def load(self, user: int, slowness: float) -> Loaded:
        """Take a snapshot, and bring it back after a time of at most *slowness* seconds."""
        with self._lock:
            value, offset = self._values[user], self._head.value
        time.sleep(random.uniform(0, slowness))
        return Loaded(orjson.dumps({"value": value}), Position(SHARD, int(offset)))

    def invalidated(self, offset: int) -> None:
        """Say that the invalidation of the write at *offset* has ended."""
        self._ended[offset] = time.monotonic()

    def outdated_for(self, value: int, at: float) -> float:
        """For how many seconds *value* had been invalidated at the time *at*; 0 if it had not."""
        following = self._next[value]
        ended = self._ended[following] if following else 0.0
        return max(0.0, at - ended) if ended else 0.0


def key(user: int) -> Key:
    return key_of("user", TENANT, user_id=f"{user:08x}-0000-4000-8000-000000000000")


def tag(user: int) -> str:
    return key(user).tags[-1]


def value_of(body: bytes | None) -> int:
    return 0 if body is None else int(orjson.loads(body)["value"])
