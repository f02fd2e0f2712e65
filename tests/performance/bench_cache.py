"""What a hit costs: ``python -m tests.performance.bench_cache``.

Printed are the time of a hit in this process's memory with eight threads at it, and that of a hit in Redis (10 kB,
compressed and encrypted) beside a bare GET of the same bytes, taken in turn so that both meet the same machine.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from domain.cache.cache import Cache
from domain.cache.factory import make_cache
from domain.cache.keys import Key, key_of
from domain.cache.looked import Ask
from domain.model.position import Position
from tests import servers
from tests.faults.cache_truth import SHARD, TENANT, Loaded

#: What is to be reached: microseconds at the 99th percentile, and how many times as long as a GET.
MEMORY_TARGET, REDIS_TARGET = 15.0, 2.5

THREADS, HITS, GETS = 8, 20_000, 10_000


def page() -> bytes:
    """A page of users of about 10 kB."""
    user = {
        "tenant_id": TENANT,
        "first_name": "Ada",
        "avatar": None,
        "timezone": "UTC",
        "language": "en",
        "status": "active",
        "is_active": True,
        "roles": ["user"],
        "deactivation_reason": None,
        "created_at": "2026-01-01T00:00:00+00:00",
        "updated_at": "2026-01-01T00:00:00+00:00",
        "event_version": 3,
    }
    users = [
        {
            "id": f"{n:08x}-0000-4000-8000-{n * 7919:012x}",
            "email": f"user{n}@example.com",
            "last_name": f"No. {n}",
            **user,
        }
        for n in range(27)
    ]
    return orjson.dumps({"users": users, "pagination": {"limit": 27, "offset": 0}})


def took(act: Callable[[], object]) -> float:
    """Microseconds."""
    begun = time.perf_counter_ns()
    act()
    return (time.perf_counter_ns() - begun) / 1000


def memory(cache: Cache, key: Key, loader: Callable[[], Loaded]) -> float:
    """The 99th percentile of a hit, with all threads at it."""
    times: list[float] = []

    def hits() -> None:
        mine = [took(lambda: cache.get_or_load(key, loader)) for _ in range(HITS)]
        times.extend(mine)

    threads = [threading.Thread(target=hits) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(times)[int(len(times) * 0.99)]


def redis(cache: Cache, key: Key, body: bytes) -> tuple[float, float]:
    """The medians of a bare GET and of a hit."""
    client = cache.l2._client
    client.set("bare", body)
    pairs = [(took(lambda: client.get("bare")), took(lambda: cache.l2.look(key, Ask(0, "me")))) for _ in range(GETS)]
    gets, looks = zip(*pairs[GETS // 10 :], strict=True)
    return statistics.median(gets), statistics.median(looks)


def main() -> int:
    body = page()
    with tempfile.TemporaryDirectory() as directory, servers.valkey(Path(directory)) as url:
        cache = make_cache(url, lambda _: 1, encryption_keys={"1": os.urandom(32)})
        key = key_of("users_of_tenant", TENANT, limit=27)

        def loader() -> Loaded:
            return Loaded(body, Position(SHARD, 1))

        while cache.get_or_load(key, loader).level != "l1":
            time.sleep(0.05)
        p99 = memory(cache, key, loader)
        get, look = redis(cache, key, body)
        cache.close()
        cache.disconnect()
    print(f"memory: {p99:.1f} µs at p99 with {THREADS} threads (target {MEMORY_TARGET:.0f})")
    print(
        f"redis:  {look:.0f} µs for {len(body)} bytes, GET {get:.0f} µs: {look / get:.2f} times (target {REDIS_TARGET})"
    )
    return 0 if p99 < MEMORY_TARGET and look / get <= REDIS_TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
