"""Loads, refreshes, warm-ups and invalidations race in four processes, and no answer is ever too old."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections import Counter

import pytest

from domain.cache import scripts
from domain.cache.factory import make_cache, make_invalidator
from domain.model.position import Position
from tests.faults.cache_truth import SHARD, TENANT, Truth, key, tag, value_of
from tests.faults.scale import scaled

pytestmark = pytest.mark.fault

PROCESSES, THREADS, USERS = 4, 4, 12
#: Races of each thread: 10,000 in all, or 100,000.
RACES = scaled(630, 6300)

#: Seconds after which memory must have heard of everything.
QUIET = 2.5

spawn = multiprocessing.get_context("spawn")


def take_the_fence_out() -> None:
    """Store whatever comes, as caches without a fence do."""
    fenced = scripts.text

    def text(name: str, run_id: str) -> str:
        found = fenced(name, run_id)
        for answer in ("FENCED", "OLDER", "LEASED"):
            found = found.replace(f"return {{'{answer}'}}", "")
        return found

    scripts.text = text


def race(url: str, truth: Truth, seed: int, fence: bool, races: int, go, results) -> None:
    """One process."""
    if not fence:
        take_the_fence_out()
    cache, invalidator = make_cache(url, truth.applied), make_invalidator(url)
    seen: Counter[str] = Counter()
    trails: list[float] = []
    lock = threading.Lock()

    def one(chance: random.Random) -> None:
        user = min(int(chance.expovariate(0.4)), USERS - 1)

        def load():
            return truth.load(user, 0.004)

        what = chance.random()
        if what < 0.12:
            offset = truth.write(user)
            invalidator.raise_({TENANT: {tag(user): offset}})
            truth.invalidated(offset)
            return
        if what < 0.2:
            cache.refresh(key(user), load)
            return
        if what < 0.25:
            cache.warm([(key(user), load)], per_second=10_000)
            return
        least = truth.value(user) if what < 0.4 else 0
        arrived = time.monotonic()
        found = cache.get_or_load(key(user), load, min_position=Position(SHARD, least) if least else None)
        value = value_of(found.body)
        outdated = truth.outdated_for(value, arrived)
        with lock:
            seen[found.level] += 1
            if value < least:
                seen["older than asked for"] += 1
            if outdated and found.level == "l1":
                trails.append(outdated)
            elif outdated:
                seen["stale"] += 1

    def many(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(races):
            one(chance)

    go.wait()
    threads = [threading.Thread(target=many, args=(seed * 100 + n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((seen, trails))
    # All is quiet once every process is; then each looks at all that is left, in memory and in Redis.
    with truth.done:
        truth.done.value += 1
    while truth.done.value < PROCESSES:
        time.sleep(0.05)
    time.sleep(QUIET)
    left: Counter[str] = Counter()
    for again in range(2):
        for user in range(USERS):
            found = cache.get_or_load(key(user), lambda user=user: truth.load(user, 0))
            left[f"stale {found.level}" if value_of(found.body) != truth.value(user) else f"right {found.level}"] += 1
        if not again:
            cache.l1.empty()
    results.put((left, [float(cache.counters.totals().get(("l2", "user", "rejected"), 0))]))
    cache.close()


def run(url: str, fence: bool, races: int = RACES) -> tuple[Counter[str], list[float], Counter[str], int]:
    """Race; return what was seen, for how long memory trailed, what was left, and how many fills were rejected."""
    truth = Truth(spawn, USERS, PROCESSES * THREADS * races)
    go, results = spawn.Event(), spawn.Queue()
    processes = [spawn.Process(target=race, args=(url, truth, n, fence, races, go, results)) for n in range(PROCESSES)]
    for process in processes:
        process.start()
    time.sleep(1)
    go.set()
    told = [results.get(timeout=300) for _ in range(2 * PROCESSES)]
    for process in processes:
        process.join()
    seen: Counter[str] = Counter()
    left: Counter[str] = Counter()
    trails: list[float] = []
    rejected = 0
    for counts, numbers in told:
        if any(name.startswith(("stale ", "right ")) for name in counts):
            left += counts
            rejected += int(sum(numbers))
        else:
            seen += counts
            trails += numbers
    trails = sorted([*trails, *[0.0] * (seen["l1"] - len(trails))])
    print(f"\nfence {'on' if fence else 'off'}: {dict(seen)}, rejected {rejected}, left {dict(left)}")
    if trails:
        p99 = trails[int(len(trails) * 0.99)]
        print(f"memory trails by {p99 * 1000:.1f} ms at p99, {trails[-1] * 1000:.1f} ms at most")
    return seen, trails, left, rejected


def test_no_answer_is_ever_too_old(redis_url):
    seen, trails, left, rejected = run(redis_url, fence=True)

    assert seen["older than asked for"] == 0
    assert seen["stale"] == 0
    assert not [name for name in left if name.startswith("stale")]
    assert trails[int(len(trails) * 0.99)] <= 0.05
    assert trails[-1] <= 2.0
    # It was a race: fills did come too late, and all levels answered.
    assert rejected > 20
    assert min(seen["l1"], seen["l2"], seen["load"]) > 100


def test_without_the_fence_there_are_old_answers(redis_url):
    seen, _, left, _ = run(redis_url, fence=False)

    assert seen["stale"] + sum(n for name, n in left.items() if name.startswith("stale")) > 0
