"""The one way from a request to Redis: it fails soon, and after a few failures at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import redis

from domain.breaker import CircuitBreaker
from domain.cache.looked import Down
from domain.telemetry.counters import Counters

T = TypeVar("T")

#: Seconds above which a call counts as failed, though it was answered.
SLOW = 0.05


#: The longest pause before a node of a cluster is tried again, in seconds. Where one is gone another takes its place
#: soon, which is found out by asking for it.
NODE = 2.0


class Guard:
    """Calls Redis as far as the breaker allows, and knows no other error than Down."""

    def __init__(self, breaker: CircuitBreaker, stats: Counters) -> None:
        self.breaker = breaker
        self._breakers: dict[str, CircuitBreaker] = {"": breaker}
        #: How often the breaker opened.
        self.opened = 0
        self._stats = stats

    def __call__(self, call: Callable[[], T], where: str = "") -> T:
        """Return what *call* does. Raises Down where it raises a RedisError, and when the breaker is open.

        *where* names the node of a cluster that is called: each has a breaker of its own.
        """
        breaker = self._breakers.get(where) or self._breakers.setdefault(where, CircuitBreaker(longest=NODE))
        if not breaker.allows():
            raise Down
        started = time.monotonic()
        try:
            result = call()
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            self._stats.count("l2", "all", "error")
            self._failed(breaker)
            raise Down from error
        except redis.RedisError as error:
            # It answers, though not with what was asked for: it is full, or read-only.
            self._stats.count("l2", "all", "refused")
            breaker.succeeded()
            raise Down from error
        if time.monotonic() - started > SLOW:
            self._failed(breaker)
        else:
            breaker.succeeded()
        return result

    def _failed(self, breaker: CircuitBreaker) -> None:
        closed = breaker.state == "closed"
        breaker.failed()
        if closed and breaker.state == "open":
            self.opened += 1
