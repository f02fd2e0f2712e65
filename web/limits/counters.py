"""Counts that all processes share through Redis, without anybody waiting for Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.breaker import CircuitBreaker

log = structlog.get_logger(__name__)

#: Seconds between two exchanges with Redis. What the processes let through together may exceed a limit by what comes
#: in meanwhile.
INTERVAL = 0.25

#: Seconds without a request after which the thread and its connection go.
IDLE = 5.0

#: Names counted at once. Those beyond are not limited, because whoever can make so many addresses could also fill the
#: memory with them.
MOST = 100_000

#: Name, number of the window, seconds of the window.
Key = tuple[str, int, int]


@dataclass(slots=True)
class _Count:
    shared: int = 0
    unsent: int = 0


class SharedCounters:
    """Counts names in windows of time.

    hit() counts here and asks nobody. A thread tells Redis what was counted and hears what the other processes have
    counted. Without Redis each process goes on with its own count alone.
    """

    def __init__(self, redis_url: str, clock: Callable[[], float] = time.time) -> None:
        self._redis_url = redis_url
        self._clock = clock
        self._breaker = CircuitBreaker()
        self._lock = threading.Lock()
        self._counts: dict[Key, _Count] = {}
        self._exchanging = False
        #: Exchanges that failed, for the metrics.
        self.failures = 0

    def hit(self, name: str, seconds: int) -> tuple[int, float]:
        """Count one for *name*; return the count in this window of so many *seconds*, and the seconds left of it."""
        now = self._clock()
        key = (name, int(now // seconds), seconds)
        with self._lock:
            count = self._counts.get(key)
            if count is None:
                if len(self._counts) >= MOST:
                    return 0, 0.0
                count = self._counts[key] = _Count()
            count.unsent += 1
            found = count.shared + count.unsent
            if not self._exchanging:
                self._exchanging = True
                threading.Thread(target=self._exchange, name="rate limits", daemon=True).start()
        return found, seconds - now % seconds

    def _exchange(self) -> None:
        last = time.monotonic()
        with redis.Redis.from_url(
            self._redis_url, socket_timeout=0.1, socket_connect_timeout=0.1, retry=Retry(NoBackoff(), 0)
        ) as client:
            while True:
                time.sleep(INTERVAL)
                if self._tell(client):
                    last = time.monotonic()
                with self._lock:
                    if time.monotonic() - last > IDLE:
                        self._exchanging = False
                        return

    def _tell(self, client: redis.Redis) -> bool:
        """Exchange counts once; return whether there was anything to tell."""
        now = self._clock()
        with self._lock:
            self._counts = {key: count for key, count in self._counts.items() if key[1] >= now // key[2]}
            unsent = {key: count.unsent for key, count in self._counts.items() if count.unsent}
        if not unsent:
            return False
        if not self._breaker.allows():
            return True
        try:
            totals = _add(client, unsent)
        except (redis.RedisError, OSError) as error:
            self.failures += 1
            if self._breaker.state == "closed":
                log.warning("Rate limits are counted by each process alone", error=type(error).__name__)
            self._breaker.failed()
            return True
        self._breaker.succeeded()
        with self._lock:
            for key, total in totals.items():
                if (count := self._counts.get(key)) is not None:
                    count.unsent -= unsent[key]
                    count.shared = total
        return True


def _add(client: redis.Redis, unsent: dict[Key, int]) -> dict[Key, int]:
    pipeline = client.pipeline(transaction=False)
    for (name, window, seconds), number in unsent.items():
        key = f"rate:{name}:{seconds}:{window}"
        pipeline.incrby(key, number)
        pipeline.expire(key, 2 * seconds)
    return dict(zip(unsent, pipeline.execute()[::2], strict=True))
