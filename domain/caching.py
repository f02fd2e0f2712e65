"""The parts of the cache, wired together. Nothing connects before it is used."""

from __future__ import annotations

from domain.cache.cached_queries import CachedQueries
from domain.cache.client import connect
from domain.cache.factory import make_cache, make_invalidator
from domain.cache.hot import Hot
from domain.cache.stream import SILENCE
from domain.cache.telling import Telling
from domain.postgres.pool import Pool
from domain.read.furthest import furthest
from domain.read.invalidation import InvalidationLag
from domain.read.queries import Queries
from domain.settings import Settings

#: Seconds between two times that a process tells which keys are hot.
_TELL_HOT = 2.0


class Caching:
    """What a process needs of the cache: answers from it, and the one who tells it what has changed."""

    def __init__(self, settings: Settings, read_pool: Pool, queries: Queries) -> None:
        """*read_pool* leads to where projections write, and sees all tenants."""
        url = settings.cache_redis_url
        self._client = connect(url, SILENCE)
        self.cache = make_cache(
            url,
            applied=lambda shard: furthest(read_pool, shard),
            behind=InvalidationLag(read_pool).seconds,
            l1_max_bytes=settings.l1_max_bytes,
            encryption_keys=settings.cache_encryption_keys,
            compress_min_bytes=settings.cache_compress_min_bytes,
        )
        self.hot = Hot(self._client)
        self.cache.regularly(self.hot.tell, _TELL_HOT)
        self.queries = CachedQueries(self.cache, queries.read, self.hot, aside=settings.cache_strategy == "cache-aside")
        self.invalidator = Telling(make_invalidator(url), self.cache.l1)

    def close(self) -> None:
        self.cache.close()
        self.cache.disconnect()
        self.invalidator.close()
        self._client.close()
