"""How many requests of one kind of name there may be."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from flask_limiter import Limiter
from limits import RateLimitItem, RateLimitItemPerSecond

from domain.settings import Rate


class Breach(NamedTuple):
    """A limit that is reached, and the seconds until its window ends."""

    limit: RateLimitItem
    left: int


class Meter:
    """Counts requests by the name that they come under, each against the same *rate*; None: no limit."""

    def __init__(self, limiter: Limiter, kind: str, rate: Rate | None) -> None:
        self._storage = limiter.storage
        self._limit = limit = RateLimitItemPerSecond(*(rate or Rate(1, 1)), namespace=kind)
        self._most, self._seconds = (None if rate is None else rate.amount), limit.get_expiry()
        # A name may be an e-mail address, or anything else that has no business in Redis.
        short = lru_cache(8192)(lambda name: limit.key_for(hashlib.blake2b(name.encode(), digest_size=12).hexdigest()))
        self._key: Callable[[str], str] = short

    def admits(self, name: str) -> bool:
        """Count a request under *name*; tell whether it is within the limit."""
        # This is the whole of the strategy; by its own method, making the key takes ten times as long as counting.
        return self._most is None or self._storage.incr(self._key(name), self._seconds) <= self._most

    def breach(self, name: str) -> Breach:
        """Say more of *name*, which was not admitted."""
        return Breach(self._limit, max(1, math.ceil(self._storage.get_expiry(self._key(name)) - time.time())))
