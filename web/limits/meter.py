"""How many requests of one kind of name there may be."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol, cast

from flask_limiter import Limiter
from limits import RateLimitItem, RateLimitItemPerSecond

from domain.variables import Rate
from web.limits.storage import LazyRedisStorage


class Breach(NamedTuple):
    """A limit that is reached, and the seconds until its window ends."""

    limit: RateLimitItem
    left: int


class Admits(Protocol):
    """What one name may send."""

    def admits(self, now: float, /) -> bool:
        """Count a request, at *now* in seconds since 1970; tell whether it is within the limit."""


class Unlimited:
    """What one name may send where there is no limit."""

    def admits(self, _now: float) -> bool:
        return True


class Meter:
    """Counts requests by the name that they come under, each against the same *rate*; None: no limit."""

    def __init__(self, limiter: Limiter, kind: str, rate: Rate | None) -> None:
        self._storage = cast(LazyRedisStorage, limiter.storage)
        self._limit = RateLimitItemPerSecond(*(rate or Rate(1, 1)), namespace=kind)
        self._most = None if rate is None else rate.amount
        #: What a name may send, for those who count it again and again.
        self.allowance: Callable[[str], Admits] = lru_cache(8192)(self._allowance)

    def _allowance(self, name: str) -> Admits:
        if self._most is None:
            return Unlimited()
        # This is the whole of the library's strategy, whose own method takes ten times as long.
        return self._storage.allowance(self._key(name), self._limit.get_expiry(), self._most)

    def _key(self, name: str) -> str:
        # A name may be an e-mail address, or anything else that has no business in Redis.
        return self._limit.key_for(hashlib.blake2b(name.encode(), digest_size=12).hexdigest())

    def admits(self, name: str) -> bool:
        """Count a request under *name*; tell whether it is within the limit."""
        return self.allowance(name).admits(time.time())

    def breach(self, name: str) -> Breach:
        """Say more of *name*, which was not admitted."""
        return Breach(self._limit, max(1, math.ceil(self._storage.get_expiry(self._key(name)) - time.time())))
