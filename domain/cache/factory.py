"""How the parts of the cache fit together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.breaker import CircuitBreaker
from domain.cache.cache import Cache
from domain.cache.client import connect, servers
from domain.cache.envelope import Envelope
from domain.cache.epoch import Epoch
from domain.cache.guard import NODE, Guard
from domain.cache.health import Health
from domain.cache.invalidation import RedisInvalidator
from domain.cache.l1 import L1
from domain.cache.l2 import L2
from domain.cache.stream import SILENCE, StreamReader
from domain.telemetry.telemetry import Telemetry

#: Seconds that a request waits for Redis, and that those do for whom nobody waits. With all else that comes of it the
#: first stays below a tenth of a second.
TIMEOUT, PATIENT = 0.09, 2.0


def make_cache(
    url: str,
    applied: Callable[[int], int],
    behind: Callable[[], float] | None = None,
    *,
    l1_max_bytes: int = 64 * 2**20,
    encryption_keys: Mapping[str, bytes] | None = None,
    compress_min_bytes: int = 1024,
    telemetry: Telemetry | None = None,
) -> Cache:
    """Return a cache on the Redis at *url*. Nothing connects, and no thread runs, before it is used.

    *applied* returns the offset that the furthest projection has reached on a shard, read on the server that
    projections write to. *behind* returns for how many seconds the oldest change has waited for its invalidation.
    What is counted is told by *telemetry*, or by one of the cache's own.
    """
    telemetry = telemetry or make_telemetry(url)
    stats, l1 = telemetry.counters, L1(l1_max_bytes)
    epoch = Epoch(servers(url, TIMEOUT))
    breaker = CircuitBreaker() if epoch.servers.together else CircuitBreaker(longest=NODE)
    l2 = L2(
        epoch,
        Envelope(encryption_keys, compress_min_bytes),
        Guard(breaker, stats),
        stats,
        applied,
        unreadable=lambda: telemetry.troubles.happened("unreadable"),
    )
    reader = StreamReader(connect(url, SILENCE), epoch, l1)
    return Cache(l1, l2, epoch, reader, telemetry, Health(behind))


def make_telemetry(url: str) -> Telemetry:
    """Return what tells of this process on the Redis at *url*."""
    return Telemetry(connect(url, SILENCE))


def make_invalidator(url: str) -> RedisInvalidator:
    """Return what invalidates on the Redis at *url*."""
    return RedisInvalidator(servers(url, PATIENT))
