"""What all processes say of their caches, kept in Redis, and what those have counted that are gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import redis

from domain.cache.epoch import PROCESSES

#: Seconds after which a process that says nothing more is gone.
ALIVE = 15

#: Seconds for which what it said last is kept, until somebody looks and adds it to RETIRED.
_KEPT = 86_400

#: The sum of what the processes counted that are gone: sums over all processes must never fall.
RETIRED = f"{PROCESSES}:retired"


class Processes:
    """One value for each process. Its counters are its own since its start, so nothing is ever counted twice."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._told: Mapping[str, int] | None = None
        self._base: Mapping[str, int] = {}

    def publish(self, process: str, said: dict[str, Any]) -> None:
        """Keep what *process* says; ``counters`` are those since its start. Raises RedisError."""
        if self._told is not None and not self._client.sismember(PROCESSES, process):
            # It was silent for so long that it was taken for gone, and what it had told was added to the others'.
            self._base = {name: n + self._base.get(name, 0) for name, n in self._told.items()}
        own = {name: n - self._base.get(name, 0) for name, n in said["counters"].items()}
        with self._client.pipeline() as pipe:
            pipe.sadd(PROCESSES, process)
            pipe.set(_name(process), orjson.dumps(said | {"counters": own}), ex=_KEPT)
            pipe.set(_alive(process), 1, ex=ALIVE)
            pipe.execute()
        self._told = own

    def read(self) -> dict[str, dict[str, Any]]:
        """Return what each living process said. Raises RedisError."""
        members: Any = self._client.smembers(PROCESSES)
        names = sorted(member.decode() for member in members)
        if not names:
            return {}
        values: Any = self._client.mget([key(name) for name in names for key in (_name, _alive)])
        found = {}
        for name, value, alive in zip(names, values[::2], values[1::2], strict=True):
            if value is None or alive is None:
                self._retire(name, value)
            else:
                found[name] = orjson.loads(value)
        return found

    def retired(self) -> dict[str, int]:
        """Return what the processes have counted that are gone. Raises RedisError."""
        counters: Any = self._client.hgetall(RETIRED)
        return {name.decode(): int(n) for name, n in counters.items()}

    def _retire(self, process: str, value: bytes | None) -> None:
        # Of several who see that it is gone, one adds it up.
        if not self._client.srem(PROCESSES, process) or value is None:
            return
        with self._client.pipeline() as pipe:
            for name, n in orjson.loads(value)["counters"].items():
                pipe.hincrby(RETIRED, name, n)
            pipe.delete(_name(process))
            pipe.execute()

    def disconnect(self) -> None:
        self._client.close()


def _name(process: str) -> str:
    return f"{PROCESSES}:of:{process}"


def _alive(process: str) -> str:
    return f"{PROCESSES}:alive:{process}"
