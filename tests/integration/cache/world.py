"""A source of truth that can be written, read slowly and asked how far it is, and the cache before it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import orjson

from domain.cache.keys import Key, key_of
from domain.model.position import Position, shard_of

TENANT = "11111111-1111-4111-8111-111111111111"
USER = "22222222-2222-4222-8222-222222222222"
SHARD = shard_of(TENANT)


class Loaded(NamedTuple):
    body: bytes | None
    position: Position


class Truth:
    """Values by user, each written at a position of the shard. Reading gives a value and the position together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, int | None] = {}
        self.offset = 10
        self.loads = 0

    def write(self, value: int | None, user: str = USER) -> int:
        """Commit; return the offset of the event."""
        with self._lock:
            self.offset += 1
            self._values[user] = value
            return self.offset

    def read(self, user: str = USER) -> Loaded:
        with self._lock:
            self.loads += 1
            value = self._values.get(user)
            body = None if value is None else orjson.dumps({"id": user, "value": value})
            return Loaded(body, Position(SHARD, self.offset))

    def slowly(self, meanwhile: Callable[[], object], user: str = USER) -> Callable[[], Loaded]:
        """A loader for which *meanwhile* happens after its snapshot was taken and before it comes back."""

        def load() -> Loaded:
            loaded = self.read(user)
            meanwhile()
            return loaded

        return load

    def applied(self, shard: int) -> int:
        assert shard == SHARD
        return self.offset


def key(user: str = USER) -> Key:
    return key_of("user", TENANT, user_id=user)


def value_of(body: bytes | None) -> int | None:
    value: int | None = None if body is None else orjson.loads(body)["value"]
    return value


def tag(user: str = USER) -> str:
    return f"user:{user}"
