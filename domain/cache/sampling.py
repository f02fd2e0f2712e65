"""Whether what lies in the cache's Redis can be read with the keys at hand; for those who look after it."""

from __future__ import annotations

from typing import Any, NamedTuple

import redis

from domain.cache.envelope import Envelope, Unreadable
from domain.cache.epoch import PREFIX
from domain.cache.l2 import associated

#: How many keys are gone through to find entries.
_GONE_THROUGH = 5000


class Sampled(NamedTuple):
    """How many entries were looked at, and how many of them can't be opened."""

    entries: int
    unreadable: int


def sampled(client: redis.Redis, envelope: Envelope, most: int = 200) -> Sampled:
    """Open up to *most* entries, whatever their epoch. Raises RedisError.

    It looks at a bounded number of keys, so that it does no harm to a large server; that may be before the first entry.
    """
    entries = unreadable = 0
    for seen, key in enumerate(client.scan_iter(match=f"{PREFIX}*:entry:*", count=500)):
        if entries >= most or seen >= _GONE_THROUGH:
            break
        parts: Any = client.hmget(key, ["header", "tags", "sealed"])
        if None in parts:
            # It has ended meanwhile.
            continue
        header, tags, sealed = parts
        entries += 1
        try:
            envelope.open(sealed, associated(key.decode(), header, tags))
        except Unreadable:
            unreadable += 1
    return Sampled(entries, unreadable)
