"""What all processes say of their caches, kept in Redis for as long as they live."""

from __future__ import annotations

from typing import Any

import orjson
import redis

from domain.cache.epoch import PROCESSES

#: Seconds after which a process that says nothing more is gone.
ALIVE = 15


class Processes:
    """One value for each process. Its counters are its own since its start, so nothing is ever counted twice."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def publish(self, process: str, said: dict[str, Any]) -> None:
        """Keep what *process* says. Raises RedisError."""
        with self._client.pipeline() as pipe:
            pipe.sadd(PROCESSES, process)
            pipe.set(_name(process), orjson.dumps(said), ex=ALIVE)
            pipe.execute()

    def read(self) -> dict[str, dict[str, Any]]:
        """Return what each living process said. Raises RedisError."""
        members: Any = self._client.smembers(PROCESSES)
        names = sorted(member.decode() for member in members)
        if not names:
            return {}
        values: Any = self._client.mget([_name(name) for name in names])
        said = dict(zip(names, values, strict=True))
        if gone := [name for name, value in said.items() if value is None]:
            self._client.srem(PROCESSES, *gone)
        return {name: orjson.loads(value) for name, value in said.items() if value is not None}

    def disconnect(self) -> None:
        self._client.close()


def _name(process: str) -> str:
    return f"{PROCESSES}:{process}"
