"""What a hit costs: ``python -m tests.performance.bench_cache``.

The time of a hit in this process's memory with eight threads at it, and that of a hit in Redis (10 kB, compressed and
encrypted) beside a bare GET of the same bytes, taken in turn so that both meet the same machine.
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
from tests.performance.results import Result, show

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


def memory(cache: Cache, key: Key, loader: Callable[[], Loaded], count: int) -> float:
    """The 99th percentile of *count* hits by each thread, with all at it."""
    times: list[float] = []

    def hits() -> None:
        mine = [took(lambda: cache.get_or_load(key, loader)) for _ in range(count)]
        times.extend(mine)

    threads = [threading.Thread(target=hits) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(times)[int(len(times) * 0.99)]


def redis(cache: Cache, key: Key, body: bytes, count: int) -> tuple[float, float]:
    """The medians of *count* bare GETs and hits."""
    client = cache.l2._client
    client.set("bare", body)
    pairs = [(took(lambda: client.get("bare")), took(lambda: cache.l2.look(key, Ask(0, "me")))) for _ in range(count)]
    gets, looks = zip(*pairs[count // 10 :], strict=True)
    return statistics.median(gets), statistics.median(looks)


def run(*, short: bool = False) -> list[Result]:
    """Measure on a Redis of our own, or that of REDIS_URL."""
    part = 20 if short else 1
    body = page()
    with tempfile.TemporaryDirectory() as directory, servers.valkey(Path(directory)) as url:
        cache = make_cache(url, lambda _: 1, encryption_keys={"1": os.urandom(32)})
        key = key_of("users_of_tenant", TENANT, limit=27)

        def loader() -> Loaded:
            return Loaded(body, Position(SHARD, 1))

        while cache.get_or_load(key, loader).level != "l1":
            time.sleep(0.05)
        p99 = memory(cache, key, loader, HITS // part)
        get, look = redis(cache, key, body, GETS // part)
        cache.close()
        cache.disconnect()
    return [
        Result(f"a hit in memory, {THREADS} threads", p99, "µs at p99", target=MEMORY_TARGET, at_most=True),
        Result(f"a hit in Redis of {len(body):,} bytes : GET", look, "µs", look / get, REDIS_TARGET, at_most=True),
    ]


if __name__ == "__main__":
    sys.exit(show(run(short="--short" in sys.argv)))
