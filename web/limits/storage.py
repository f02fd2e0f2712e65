"""Counts that all processes share through Redis, without anybody waiting for Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
import structlog
from limits.storage import Storage

from domain import redis_servers
from domain.breaker import CircuitBreaker
from domain.cache.client import connect

log = structlog.get_logger(__name__)

#: Seconds between two exchanges with Redis. What the processes let through together may exceed a limit by what comes
#: in meanwhile.
INTERVAL = 0.25

#: Seconds without a request after which the thread and its connection go.
IDLE = 5.0

#: Names counted at once. Those beyond are not limited, because whoever can make so many addresses could also fill the
#: memory with them.
MOST = 100_000

#: What the scheme of a Redis URL begins with, for this storage instead of the one that asks Redis for each request.
LAZY = "lazy+"


@dataclass(slots=True)
class _Count:
    ends: int
    seconds: int
    shared: int = 0
    unsent: int = 0


#: What has no window yet.
_ENDED = _Count(ends=0, seconds=0)


class Allowance:
    """What may be counted for one key in a window, for whoever counts it again and again, at next to no cost.

    Threads take no lock to count: where one comes between another's steps the count is off by one request.
    """

    __slots__ = ("_count", "_key", "_most", "_seconds", "_storage")

    def __init__(self, storage: LazyRedisStorage, key: str, seconds: int, most: int) -> None:
        self._storage = storage
        self._key = key
        self._seconds = seconds
        self._most = most
        self._count = _ENDED

    def admits(self, now: float) -> bool:
        """Count once, at *now* in seconds since 1970; tell whether there were no more than *most* in this window."""
        count = self._count
        if count.ends <= now:
            opened = self._storage.open(self._key, self._seconds, now)
            if opened is None:
                return True
            count = self._count = opened
        count.unsent += 1
        if not self._storage.exchanging:
            self._storage.exchange()
        return count.shared + count.unsent <= self._most


class LazyRedisStorage(Storage):
    """Counts in windows of time, for the strategy ``fixed-window`` of the library ``limits``.

    incr() counts here and asks nobody. A thread tells Redis what was counted and hears what the other processes have
    counted. Without Redis each process goes on with its own count alone, and *failed* is called for each exchange that
    does not come about.
    """

    STORAGE_SCHEME = [f"{LAZY}{scheme}" for scheme in redis_servers.SCHEMES]  # noqa: RUF012

    def __init__(
        self,
        uri: str,
        wrap_exceptions: bool = False,
        *,
        failed: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(uri, wrap_exceptions)
        self._redis_url = uri.removeprefix(LAZY)
        self._failed = failed
        self._clock = clock
        self._breaker = CircuitBreaker()
        self._lock = threading.Lock()
        self._counts: dict[str, _Count] = {}
        self.exchanging = False

    @property
    def base_exceptions(self) -> type[Exception]:
        return redis.RedisError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count *amount* for *key*; return the count in this window of *expiry* seconds."""
        count = self.open(key, expiry, self._clock())
        if count is None:
            return 0
        count.unsent += amount
        self.exchange()
        return count.shared + count.unsent

    def allowance(self, key: str, seconds: int, most: int) -> Allowance:
        """Return what may be counted for *key* in windows of so many seconds."""
        return Allowance(self, key, seconds, most)

    def open(self, key: str, seconds: int, now: float) -> _Count | None:
        """Return the count of the window that is open at *now*; None if there are too many counts."""
        with self._lock:
            count = self._counts.get(key)
            if count is None or count.ends <= now:
                if count is None and len(self._counts) >= MOST:
                    return None
                count = self._counts[key] = _Count(int(now // seconds + 1) * seconds, seconds)
            return count

    def exchange(self) -> None:
        """Begin to exchange counts with Redis, if it isn't done already."""
        with self._lock:
            if not self.exchanging:
                self.exchanging = True
                threading.Thread(target=self._exchange, name="rate limits", daemon=True).start()

    def get(self, key: str) -> int:
        with self._lock:
            count = self._counts.get(key)
            return 0 if count is None or count.ends <= self._clock() else count.shared + count.unsent

    def get_expiry(self, key: str) -> float:
        with self._lock:
            count = self._counts.get(key)
            return self._clock() if count is None else count.ends

    def check(self) -> bool:
        """Whether the other processes' requests are counted too."""
        return self._breaker.state == "closed"

    def reset(self) -> int | None:
        """What the other processes have counted can't be taken back from here. Raises NotImplementedError."""
        raise NotImplementedError

    def clear(self, key: str) -> None:
        """As reset()."""
        raise NotImplementedError

    def _exchange(self) -> None:
        last = time.monotonic()
        with connect(self._redis_url) as client:
            while True:
                time.sleep(INTERVAL)
                if self._tell(client):
                    last = time.monotonic()
                with self._lock:
                    if time.monotonic() - last > IDLE:
                        self.exchanging = False
                        return

    def _tell(self, client: redis.Redis) -> bool:
        """Exchange counts once; return whether there was anything to tell."""
        now = self._clock()
        with self._lock:
            self._counts = {key: count for key, count in self._counts.items() if count.ends > now}
            unsent = [(key, count, count.unsent) for key, count in self._counts.items() if count.unsent]
        if not unsent:
            return False
        if not self._breaker.allows():
            self._failed()
            return True
        try:
            totals = _add(client, unsent)
        except (redis.RedisError, OSError) as error:
            self._failed()
            if self._breaker.state == "closed":
                log.warning("Rate limits are counted by each process alone", error=type(error).__name__)
            self._breaker.failed()
            return True
        self._breaker.succeeded()
        with self._lock:
            for (_, count, told), total in zip(unsent, totals, strict=True):
                count.unsent -= told
                count.shared = total
        return True


def _add(client: redis.Redis, unsent: list[tuple[str, _Count, int]]) -> list[int]:
    pipeline = client.pipeline(transaction=False)
    for key, count, number in unsent:
        # In a cluster they lie where the client leads to: with the cache's state.
        name = f"rate:{{all}}:{key}:{count.ends}"
        pipeline.incrby(name, number)
        pipeline.expire(name, 2 * count.seconds)
    return pipeline.execute()[::2]
