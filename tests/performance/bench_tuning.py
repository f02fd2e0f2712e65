"""What the settings do that are worth turning: ``python -m tests.performance.bench_tuning``.

Each experiment tries its values turn and turn about on the same servers, so that all meet the same machine, and prints
the median of each beside that of the default. Only the ratios carry over to other machines.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import redis

from domain.cache.cache import Cache
from domain.cache.factory import make_cache
from domain.cache.keys import Key, key_of
from domain.cache.looked import Ask
from domain.model.position import Position, shard_of
from domain.read.engine import ProjectionEngine
from domain.read.projections import PROJECTIONS
from tests import servers
from tests.faults.cache_truth import SHARD, TENANT, Loaded
from tests.performance.bench_cache import page, took
from tests.performance.bench_projections import Store, seconds, spawn, store
from tests.performance.history import happen

#: Rounds in which each value has its turn.
ROUNDS = 3

#: Users in the history that is folded; each brings about six events.
USERS = 2_000

#: Keys that are asked for, bytes of an answer and what memory takes for one besides, seconds between two requests.
KEYS, ANSWER, OVERHEAD, PACE = 1_000, 1_000, 900, 0.0015

BATCH_SIZES = (10, 30, 100, 300, 1000)
THREADS = (1, 2, 4, 8)
PROCESSES = (1, 2)

DEFAULTS = {"PROJECTION_BATCH_SIZE": 100, "worker threads": 4, "worker processes": 1, "CACHE_COMPRESS_MIN_BYTES": 1024}


def begin_anew(store: Store) -> None:
    """Let all projections begin anew."""
    with store.pool.cursor() as cursor:
        tables = ", ".join(f"read_schema.{table.name}" for each in PROJECTIONS for table in each.tables)
        cursor.execute(f"TRUNCATE {tables}, read_schema.projection_checkpoints")


def in_turn(values: tuple[int, ...], measure: Callable[[int], float]) -> dict[int, float]:
    """Return the median of ROUNDS measurements of each value, taken turn and turn about."""
    found: dict[int, list[float]] = {value: [] for value in values}
    for _ in range(ROUNDS):
        for value in values:
            found[value].append(measure(value))
    return {value: statistics.median(each) for value, each in found.items()}


def fold(store: Store, shards: list[int], batch_size: int) -> None:
    engine = ProjectionEngine(store.pool, store.log, PROJECTIONS, batch_size=batch_size)
    for shard in shards:
        assert not engine.catch_up(shard, seconds=3600).failed


def by_batch_size(store: Store, size: int) -> float:
    begin_anew(store)
    return store.count() / seconds(lambda: fold(store, sorted(store.log.heads()), size))


def dealt(store: Store, hands: int) -> list[list[int]]:
    """Deal the shards out to so many hands."""
    piles: list[list[int]] = [[] for _ in range(hands)]
    for pile, shard in zip(cycle(piles), sorted(store.log.heads()), strict=False):
        pile.append(shard)
    return piles


def by_threads(store: Store, threads: int) -> float:
    begin_anew(store)
    hands = [Thread(target=fold, args=(store, pile, 100)) for pile in dealt(store, threads)]

    def run() -> None:
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()

    return store.count() / seconds(run)


def work(url: str, shards: list[int], ready: Any, go: Any, done: Any) -> None:
    """A worker process: it starts up before the time is taken, and ends after it."""
    mine = Store(url)
    mine.log.heads()
    ready.release()
    go.wait()
    fold(mine, shards, 100)
    done.release()
    mine.pool.close()


def by_processes(store: Store, processes: int) -> float:
    begin_anew(store)
    ready, go, done = spawn.Semaphore(0), spawn.Event(), spawn.Semaphore(0)
    hands = [spawn.Process(target=work, args=(store.url, pile, ready, go, done)) for pile in dealt(store, processes)]
    for hand in hands:
        hand.start()
    for _ in hands:
        ready.acquire()

    def run() -> None:
        go.set()
        for _ in hands:
            done.acquire()

    took = seconds(run)
    for hand in hands:
        hand.join()
    return store.count() / took


def by_compression(url: str) -> dict[str, tuple[int, float]]:
    """Return the bytes in Redis of a page of 10 kB, and the microseconds of a hit, by how it is wrapped."""
    body = page()
    key = key_of("users_of_tenant", TENANT, limit=27)
    found: dict[str, tuple[int, float]] = {}
    ways: Mapping[str, dict[str, Any]] = {
        "plain": {"compress_min_bytes": 2**30},
        "compressed": {},
        "compressed, encrypted": {"encryption_keys": {"1": os.urandom(32)}},
    }
    for name, options in ways.items():
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        cache = make_cache(url, lambda _: 1, **options)
        cache.get_or_load(key, lambda: Loaded(body, Position(SHARD, 1)))
        (entry,) = cache.l2._client.scan_iter(match="*:entry:*")
        used = cache.l2._client.memory_usage(entry, samples=0) or 0
        found[name] = (used, statistics.median(took(lambda c=cache: c.l2.look(key, Ask(0, "me"))) for _ in range(3000)))
        cache.close()
        cache.disconnect()
    return found


def ask(cache: Cache, keys: list[Key], weights: list[float], requests: int, pace: float) -> dict[str, int]:
    """Ask so many questions at an even *pace*, a few of them most of the time; return how often each level answered."""
    levels: Counter[str] = Counter()
    body = b"x" * ANSWER
    asked = random.Random(7).choices(keys, weights, k=requests)
    begun = time.monotonic()
    for number, key in enumerate(asked):
        time.sleep(max(0.0, begun + number * pace - time.monotonic()))
        found = cache.get_or_load(key, lambda key=key: Loaded(body, Position(shard_of(key.tenant_id), 1)))
        levels[found.level] += 1
    return dict(levels)


def crowd(ttl: float) -> tuple[list[Key], list[float]]:
    """KEYS keys of 20 tenants, the n-th of which is asked for 1/n times as often as the first."""
    tenants = [str(UUID(int=n)) for n in range(1, 21)]
    keys = [key_of("user", tenants[n % 20], user_id=str(UUID(int=n)))._replace(ttl=ttl) for n in range(KEYS)]
    return keys, [1 / (n + 1) for n in range(KEYS)]


def by_time_to_live(url: str) -> dict[float, float]:
    """Return the part that a cache answers, by how many requests for each key come within its time to live."""
    found: dict[float, float] = {}
    for per_key in (0.5, 1, 2, 4):
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        cache = make_cache(url, lambda _: 1)
        keys, weights = crowd(ttl=per_key * KEYS * PACE)
        ask(cache, keys, weights, int(1.5 * per_key * KEYS), PACE)
        levels = ask(cache, keys, weights, 2 * KEYS, PACE)
        found[per_key] = 1 - levels.get("load", 0) / sum(levels.values())
        cache.close()
        cache.disconnect()
    return found


def by_memory(url: str) -> dict[float, float]:
    """Return the part that memory answers, by how much of all answers finds room in it."""
    found: dict[float, float] = {}
    keys, weights = crowd(ttl=3600)
    for part in (0.1, 0.25, 0.5, 1.2):
        cache = make_cache(url, lambda _: 1, l1_max_bytes=int(part * KEYS * (ANSWER + OVERHEAD)))
        ask(cache, keys, weights, 4 * KEYS, 0)
        levels = ask(cache, keys, weights, 4 * KEYS, 0)
        found[part] = levels.get("l1", 0) / sum(levels.values())
        cache.close()
        cache.disconnect()
    return found


def tell(name: str, found: Mapping[int, float]) -> dict[str, float]:
    default = found[DEFAULTS[name]]
    for value, rate in found.items():
        print(f"  {name} {value:5}: {rate:9,.0f} events/s, {rate / default:.2f} times the default's")
    return {f"{name} {value}": round(rate / default, 3) for value, rate in found.items()}


def main() -> None:
    ratios: dict[str, float] = {}
    with store(os.environ.get("DATABASE_URL")) as made:
        happen(made.pool, USERS, tenants=100)
        print(f"{made.count():,} events, folded into all projections:")
        ratios |= tell("PROJECTION_BATCH_SIZE", in_turn(BATCH_SIZES, lambda size: by_batch_size(made, size)))
        ratios |= tell("worker threads", in_turn(THREADS, lambda threads: by_threads(made, threads)))
        ratios |= tell("worker processes", in_turn(PROCESSES, lambda processes: by_processes(made, processes)))
    with tempfile.TemporaryDirectory() as directory, servers.valkey(Path(directory)) as url:
        ways = by_compression(url)
        plain, usual = ways["plain"][0], ways["plain"][1]
        print(f"A page of {len(page()):,} bytes ({len(zlib.compress(page(), 1)):,} compressed) in Redis:")
        for name, (used, microseconds) in ways.items():
            print(
                f"  {name}: {used:,} bytes, {used / plain:.2f} of plain; a hit takes {microseconds / usual:.2f} times"
            )
            ratios |= {f"memory {name}": round(used / plain, 3), f"hit {name}": round(microseconds / usual, 3)}
    with tempfile.TemporaryDirectory() as directory, servers.valkey(Path(directory)) as url:
        print(f"{KEYS:,} keys, the n-th asked for 1/n times as often as the first:")
        for per_key, part in by_time_to_live(url).items():
            print(f"  {per_key} requests for each key within its time to live: {part:.0%} from a cache")
            ratios[f"hits at {per_key} per time to live"] = round(part, 3)
        for room, part in by_memory(url).items():
            print(f"  memory for {room:.0%} of all answers: {part:.0%} from memory")
            ratios[f"memory hits at {room}"] = round(part, 3)
    print(json.dumps({"benchmark": "tuning", **ratios}))


if __name__ == "__main__":
    main()
