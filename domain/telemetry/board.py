"""What all processes say of themselves, kept in Redis, and what those have counted that are gone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple

import orjson
import redis

#: Seconds after which a process that says nothing more is gone.
ALIVE = 15

#: Seconds for which what it said last is kept, until somebody looks and adds it to the sum of those that are gone.
_KEPT = 86_400

#: What the names of the keys begin with. All lie in one slot of a cluster.
PREFIX = "telemetry:{all}"

#: The processes, and the sum of what those counted that are gone: sums over all processes must never fall.
PROCESSES, RETIRED = f"{PREFIX}:processes", f"{PREFIX}:retired"


class Seen(NamedTuple):
    """What each living process says, and what those have counted that are gone."""

    processes: dict[str, dict[str, Any]]
    retired: dict[str, int]


class Board:
    """One value for each process. Its counters are its own since its start, so nothing is ever counted twice."""

    def __init__(self, client: redis.Redis) -> None:
        folder = files("domain.telemetry") / "lua"
        self._tell = client.register_script((folder / "tell.lua").read_text())
        self._look = client.register_script((folder / "look.lua").read_text())
        self._told: Mapping[str, int] | None = None
        self._base: Mapping[str, int] = {}

    def publish(self, process: str, said: dict[str, Any]) -> None:
        """Keep what *process* says; ``counters`` are those since its start. Raises RedisError."""
        counters: Mapping[str, int] = said["counters"]
        told, own = self._told, self._since_base(counters)
        # What may have arrived counts as told, whatever comes back: counted twice, it would be taken back later.
        self._told = own
        if self._published(process, said | {"counters": own}, first=told is None):
            return
        # It was silent for so long that it was taken for gone, or the server has lost everything.
        self._base = {name: n + self._base.get(name, 0) for name, n in (told or {}).items()}
        self._told = own = self._since_base(counters)
        self._published(process, said | {"counters": own}, first=True)

    def _since_base(self, counters: Mapping[str, int]) -> dict[str, int]:
        return {name: n - self._base.get(name, 0) for name, n in counters.items()}

    def _published(self, process: str, said: dict[str, Any], *, first: bool) -> bool:
        kept: Any = self._tell(
            keys=[PROCESSES, f"{PROCESSES}:of:{process}", f"{PROCESSES}:alive:{process}"],
            args=[process, orjson.dumps(said), ALIVE, _KEPT, int(first)],
        )
        return bool(kept)

    def read(self) -> Seen:
        """Return what all say. Raises RedisError."""
        found: Any = self._look(keys=[PROCESSES, RETIRED], args=[PROCESSES])
        said, retired = found
        processes = {name.decode(): orjson.loads(value) for name, value in zip(said[::2], said[1::2], strict=True)}
        return Seen(
            dict(sorted(processes.items())),
            {name.decode(): int(n) for name, n in zip(retired[::2], retired[1::2], strict=True)},
        )
