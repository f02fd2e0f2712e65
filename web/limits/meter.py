"""How many requests of one kind of name there may be."""

from __future__ import annotations

import hashlib
import math
import time
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
        self._limiter = limiter
        self._limit = None if rate is None else RateLimitItemPerSecond(rate.amount, rate.seconds, namespace=kind)

    def admits(self, name: str) -> bool:
        """Count a request under *name*; tell whether it is within the limit."""
        return self._limit is None or self._limiter.limiter.hit(self._limit, _short(name))

    def breach(self, name: str) -> Breach:
        """Say more of *name*, which was not admitted."""
        assert self._limit is not None  # noqa: S101 - without a limit all are admitted
        ends = self._limiter.limiter.get_window_stats(self._limit, _short(name)).reset_time
        return Breach(self._limit, max(1, math.ceil(ends - time.time())))


@lru_cache(maxsize=4096)
def _short(name: str) -> str:
    # A name may be an e-mail address, or anything else that has no business in Redis.
    return hashlib.blake2b(name.encode(), digest_size=12).hexdigest()
