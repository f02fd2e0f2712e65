"""The parts of the cache, wired together. Nothing connects before it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import redis

from domain.cache.cached_queries import CachedQueries
from domain.cache.clearing import Clearing
from domain.cache.client import connect, servers
from domain.cache.factory import TIMEOUT, make_cache, make_invalidator
from domain.cache.hot import Hot
from domain.cache.invalidation import RedisInvalidator
from domain.cache.purging import EdgePurges, HttpPurge
from domain.cache.stream import SILENCE
from domain.cache.telling import Telling
from domain.cache.warm_ups import WarmUps
from domain.cache.write_through import WriteThrough
from domain.postgres.pool import Pool
from domain.read.furthest import furthest
from domain.read.invalidation import InvalidationLag
from domain.read.queries import Queries
from domain.read.tenants import Tenants
from domain.settings import Settings
from domain.telemetry.ratios import hit_ratio
from domain.telemetry.telemetry import Telemetry

#: Seconds between two times that a process tells which keys are hot.
_TELL_HOT = 2.0

#: Of the memory for answers, one part in so many is for the headers of those that were given.
_FINISHED = 8

#: What Redis says of itself that is worth showing.
_MEMORY = ("used_memory", "maxmemory", "maxmemory_policy", "evicted_keys", "connected_clients")


class Caching:
    """What a process needs of the cache: answers from it, who tells it what has changed, and who looks after it."""

    def __init__(
        self,
        settings: Settings,
        read_pool: Pool,
        queries: Queries,
        tenant_of: Callable[[str], str | None],
        telemetry: Telemetry,
    ) -> None:
        """*read_pool* leads to where projections write, and sees all tenants; *tenant_of* names an aggregate's."""
        url = settings.cache_redis_url
        #: Bytes in which whoever gives answers may keep their headers, so that they need not be made each time.
        self.finished_max_bytes = settings.l1_max_bytes // _FINISHED
        tenants = Tenants(read_pool)
        self._client = connect(url, SILENCE)
        self.cache = make_cache(
            url,
            applied=lambda shard: furthest(read_pool, shard),
            behind=InvalidationLag(read_pool).seconds,
            l1_max_bytes=settings.l1_max_bytes - self.finished_max_bytes,
            encryption_keys=settings.cache_encryption_keys,
            compress_min_bytes=settings.cache_compress_min_bytes,
            telemetry=telemetry,
        )
        self.hot = Hot(self._client)
        self.cache.regularly(self.hot.tell, _TELL_HOT)
        self.queries = CachedQueries(self.cache, queries.read, self.hot, aside=settings.cache_strategy == "cache-aside")
        self._write_through = WriteThrough(self.cache, self.queries, self.hot)
        and_then = [self._write_through] if settings.cache_strategy == "write-through" else []
        self.invalidator = Telling(make_invalidator(url), self.cache.l1, and_then)
        #: For commands that fold their own events: somebody waits for them. What can't be told now is told later.
        self.prompt_invalidator = Telling(RedisInvalidator(servers(url, TIMEOUT)), self.cache.l1, and_then)
        self.clearing = Clearing(self.invalidator, tenants.all, tenant_of)
        self.warm_ups = WarmUps(
            self._client,
            self.cache,
            self.queries,
            self.hot,
            tenants.largest,
            most=settings.cache_warmup_keys,
            per_second=settings.cache_warmup_rate,
        )
        #: None where no edge is to be purged.
        self.edge_purges = (
            EdgePurges(self._client, HttpPurge(settings.edge_purge_url))
            if settings.edge_cache and settings.edge_purge_url
            else None
        )

    def stats(self) -> dict[str, Any]:
        """Return what all processes count, their hit ratios, what each says of itself, and how Redis is."""
        stats = self.cache.stats()
        counters: Mapping[str, Mapping[str, Any]] = stats["counters"]
        queries = sorted({query for cells in counters.values() for query in cells} - {"all"})
        ratios = {
            query: hit_ratio({level: {query: cells[query]} for level, cells in counters.items() if query in cells})
            for query in queries
        }
        return {**stats, "hit_ratios": ratios, "redis": self.redis()}

    def redis(self) -> dict[str, Any] | None:
        """Return how much memory Redis uses, and what it has evicted; None where it does not answer."""
        with suppress(redis.RedisError):
            info: Any = self._client.info()
            return {name: info.get(name) for name in _MEMORY}
        return None

    def close(self) -> None:
        self._write_through.close()
        self.cache.close()
        self.cache.disconnect()
        self.invalidator.close()
        self.prompt_invalidator.close()
        self._client.close()
