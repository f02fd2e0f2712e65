"""Which keys are asked for most, over all processes."""

from __future__ import annotations

import heapq
from collections import Counter
from contextlib import suppress
from typing import Any

import redis

from domain.cache.epoch import HOT

#: How many keys a process tells of at a time, and how many are kept.
_TOLD, _KEPT = 200, 5000

#: Keys counted between two rounds of telling; more than these come from somebody who goes through everything.
_MOST = 20_000

#: Seconds after which it is all forgotten if nobody asks for anything.
_TTL = 7 * 86_400

#: A key asked for less often than this, after all halvings, is no longer kept.
_COLD = 0.5


class Hot:
    """Counts what is asked for, and tells of it from time to time: about right, at next to no cost."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._counts: Counter[str] = Counter()

    def asked(self, *texts: str) -> None:
        """Count a request for each key in *texts*."""
        if len(self._counts) < _MOST:
            self._counts.update(texts)
        else:
            self._counts.update(filter(self._counts.__contains__, texts))

    def tell(self) -> None:
        """Add what this process has counted to what all have. Where Redis doesn't answer it is lost."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        # Another thread may be at its last count.
        most = heapq.nlargest(_TOLD, dict(counts).items(), key=lambda item: item[1])
        with suppress(redis.RedisError), self._client.pipeline(transaction=False) as pipe:
            for text, count in most:
                pipe.zincrby(HOT, count, text)
            pipe.zremrangebyrank(HOT, 0, -_KEPT - 1)
            pipe.expire(HOT, _TTL)
            pipe.execute()

    def most(self, count: int) -> list[str]:
        """Return the *count* keys that are asked for most, the hottest first. Raises RedisError."""
        found: Any = self._client.zrevrange(HOT, 0, count - 1)
        return [text.decode() for text in found]

    def cool(self) -> None:
        """Let what was asked for long ago count for half of what it did. Raises RedisError."""
        with self._client.pipeline() as pipe:
            pipe.zunionstore(HOT, {HOT: 0.5})
            pipe.zremrangebyscore(HOT, "-inf", f"({_COLD}")
            pipe.expire(HOT, _TTL)
            pipe.execute()
