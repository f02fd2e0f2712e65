"""The cache as the rest of the service sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import flask_caching
import redis
from flask import Flask

from domain.cache.answer import Found
from domain.cache.epoch import Epoch
from domain.cache.health import Health
from domain.cache.housekeeping import Housekeeping
from domain.cache.keys import Key
from domain.cache.l1 import L1, Kept
from domain.cache.l2 import L2
from domain.cache.loading import Loader, Loading
from domain.cache.stream import StreamReader
from domain.cache.tolerance import Tolerance
from domain.model.position import Position, shard_of
from domain.telemetry.counters import Counter
from domain.telemetry.ratios import LEVELS, hit_ratio
from domain.telemetry.telemetry import Telemetry

#: An offset that no answer reaches, so that one who asks for it always loads.
_NEVER = 2**53

#: Seconds between two rounds of each task.
_KEEP, _LOOK, _PURGE = 0.5, 1.0, 15.0


class Cache(flask_caching.Cache):
    """Two levels of fenced answers before a loader. Works with and without a Flask app, in any number of threads.

    An answer is given only if it shows everything that had been invalidated when it was last looked at: at once in
    Redis, within the news' travel time in this process's memory. Redis may fail at any time: then the loader answers.
    """

    def __init__(
        self,
        l1: L1,
        l2: L2,
        epoch: Epoch,
        reader: StreamReader,
        telemetry: Telemetry,
        health: Health,
    ) -> None:
        super().__init__(with_jinja2_ext=False)
        self.l1 = l1
        self.l2 = l2
        self.reader = reader
        self.health = health
        self.telemetry = telemetry
        self.counters = telemetry.counters
        self._loading = Loading(l1, l2, self.counters, health)
        self._housekeeping: Housekeeping | None = None
        self._chores: dict[Callable[[], None], float] = {
            self._loading.keep_leases: _KEEP,
            self.health.look: _LOOK,
            self._purge: _PURGE,
        }
        epoch.on_change(l1.empty)
        telemetry.also_count(self._events)
        telemetry.on_told(self._told)
        for name, say in self._said().items():
            telemetry.also_say(name, say)

    def init_app(self, app: Flask, config: dict[str, Any] | None = None) -> None:
        """Be the cache of *app*, with the backend that is there already."""
        ours = {"CACHE_TYPE": f"{L2.__module__}.{L2.__name__}", "CACHE_BACKEND": self.l2}
        super().init_app(app, {**(config or {}), **ours})

    @property
    def cache(self) -> Any:
        return self.l2

    def get_or_load(
        self, key: Key, loader: Loader, *, min_position: Position | None = None, aside: bool = False
    ) -> Found:
        """Return the answer to *key*; ``body`` is None for what isn't there. Raises what *loader* raises, nothing else.

        With a *min_position* on the tenant's shard, older answers are passed over. If the loader's own is older still,
        it is given as it is: the caller has to compare. Who looks *aside* loads what isn't there itself, also while
        another one does.
        """
        least = 0
        if min_position is not None and min_position.shard == shard_of(key.tenant_id):
            least = min_position.offset
        now = time.monotonic()
        if now < self.reader.trusted_until and self.health.readable:
            found = self.l1.get(key.tenant_id, key.text, least, now)
            if found is not None:
                self.given(key.query, absent=found.body is None)
                return found
            self.counters.count("l1", key.query, "miss")
        if self._housekeeping is None:
            self.start()
        if aside:
            return self._loading.aside(key, loader, least)
        return self._loading.get(key, loader, least, now)

    def kept(self, key: Key) -> Kept | None:
        """Return what this process's memory has for *key*, for whoever asks stands() of it each time it is given."""
        return self.l1.look(key.tenant_id, key.text)

    def stands(self, kept: Kept, now: float) -> bool:
        """Whether get_or_load() would give what is *kept*, at the time *now* on the monotonic clock."""
        return now < self.reader.trusted_until and self.health.readable and kept.stands(now)

    def given(self, query: str, *, absent: bool = False, n: int = 1) -> None:
        """Count *n* answers that were given from this process's memory: *absent*, that there is no such thing."""
        self.counters.count("l1", query, "absent_hit" if absent else "hit", n)

    def refresh(self, key: Key, loader: Loader) -> bool:
        """Load and store the answer to *key*, whatever is there, unless another one is just doing so."""
        return self._loading.fill(key, loader, _NEVER)

    def warm(self, asked: Iterable[tuple[Key, Loader]], per_second: float = 50.0) -> int:
        """Load what is not there, in the given order, so many in a second; return how many were loaded.

        What can't be loaded is left out; see Tolerance for what is raised.
        """
        loaded, tolerance = 0, Tolerance(self.counters)
        for key, loader in asked:
            started = time.monotonic()
            with tolerance.of(key):
                if self._loading.fill(key, loader):
                    self.counters.count("l2", key.query, "warm")
                    loaded += 1
                    time.sleep(max(0.0, 1 / per_second - (time.monotonic() - started)))
        return loaded

    def regularly(self, chore: Callable[[], None], seconds: float) -> None:
        """Do *chore* every so many seconds too, beside what the cache does itself. To be said before start()."""
        self._chores[chore] = seconds

    def start(self) -> None:
        """Start the threads, if they don't run. The first request does so, in the process that serves it."""
        housekeeping = Housekeeping(self._chores)
        if self.__dict__.setdefault("_running", housekeeping) is housekeeping:
            self._housekeeping = housekeeping
            housekeeping.start()
            self.reader.start()
            self.telemetry.start()

    def close(self) -> None:
        """Stop the threads, and close no connection: others may use the clients."""
        if self._housekeeping is not None:
            self._housekeeping.stop()
            self.reader.stop()
        self.telemetry.stop()

    def disconnect(self) -> None:
        """Close the connections, after close()."""
        for part in (self.l2, self.reader):
            part.disconnect()

    def _told(self, error: redis.RedisError | OSError | None) -> None:
        """That this process tells of itself is also how it learns whether Redis can be written to."""
        if not isinstance(error, (redis.ConnectionError, redis.TimeoutError, OSError)):
            self.health.writable(error is None)

    def _said(self) -> dict[str, Callable[[], Any]]:
        """What this process says of its cache."""
        return {
            "l1": lambda: {"bytes": self.l1.bytes, "entries": len(self.l1), "evicted": self.l1.evicted},
            "stream": lambda: {
                # A process that keeps nothing in its memory doesn't read.
                "lag": None if self._housekeeping is None else round(self.reader.lag, 3),
                "missed": self.reader.missed,
                "disconnected": self.reader.disconnected,
            },
            "breaker": lambda: {"state": self.l2.guard.breaker.state, "opened": self.l2.guard.opened},
            "readable": lambda: self.health.readable,
        }

    def stats(self) -> dict[str, Any]:
        """Return the counters over all processes, and what each says of itself; Redis down, of this one."""
        look = self.telemetry.look()
        counters = {level: look.counters[level] for level in LEVELS if level in look.counters}
        processes = {name: said for name, said in look.processes.items() if "l1" in said}
        return {"counters": counters, "hit_ratio": hit_ratio(counters), "processes": processes}

    def _events(self) -> dict[Counter, int]:
        """What is counted elsewhere than in the counters."""
        return {
            ("l1", "all", "evicted"): self.l1.evicted,
            ("l1", "all", "emptied"): self.reader.missed,
            ("l1", "all", "disconnected"): self.reader.disconnected,
            ("l2", "all", "opened"): self.l2.guard.opened,
        }

    def _purge(self) -> None:
        self.l1.purge(time.monotonic())

    def _unsafe(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse what flask-caching offers and can't be fenced: its keys know no tenant, its values no position."""
        raise NotImplementedError("Use get_or_load(): this has no fence.")

    cached = memoize = delete_memoized = clear = _unsafe
