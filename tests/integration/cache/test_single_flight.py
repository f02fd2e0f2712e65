"""One load for all who ask, in all threads and all processes."""

from __future__ import annotations

import multiprocessing
import threading
import time

import pytest
import redis

from domain.cache import guard, loading
from domain.cache.factory import make_cache
from domain.cache.scripts import LEASE
from domain.model.position import Position
from tests.integration.cache.conftest import patient, trusted, wait_until
from tests.integration.cache.world import SHARD, Loaded, key, value_of

spawn = multiprocessing.get_context("spawn")

PROCESSES, THREADS = 4, 25


def ask(url: str, seconds: float, count: int, ready, go, answers, lead_dies: bool) -> None:
    """One process: all its threads ask for one key at once, and each load takes so many *seconds*."""
    # So many threads keep each other from hearing what Redis has long answered.
    guard.SLOW = loading.SLOW = 10.0
    cache = patient(make_cache(url, lambda _: 10))
    client = redis.Redis.from_url(url)

    def load() -> Loaded:
        if client.incr("loads") == 1 and lead_dies:
            client.set("leader", multiprocessing.current_process().pid)
            time.sleep(60)
        time.sleep(seconds)
        return Loaded(b'{"value": 1}', Position(SHARD, 100))

    def one() -> None:
        answers.put(value_of(cache.get_or_load(key(), load).body))

    # As a web process does before its first request.
    cache.start()
    wait_until(lambda: trusted(cache), 20)
    threads = [threading.Thread(target=one, daemon=True) for _ in range(count)]
    ready.release()
    go.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print({name: n for name, n in cache.counters.totals().items() if name[0] == "l2"})
    cache.close()


def start(url: str, seconds: float, lead_dies: bool = False, threads: int = THREADS):
    ready, go, answers = spawn.Semaphore(0), spawn.Event(), spawn.Queue()
    processes = [
        spawn.Process(target=ask, args=(url, seconds, threads, ready, go, answers, lead_dies)) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    go.set()
    return processes, answers


def test_all_processes_load_once(redis_url, client):
    processes, answers = start(redis_url, 0.2)

    assert [answers.get(timeout=20) for _ in range(PROCESSES * THREADS)] == [1] * PROCESSES * THREADS
    for process in processes:
        process.join()
    assert int(client.get("loads")) == 1


def test_when_the_one_who_loads_is_killed_another_one_does(redis_url, client):
    processes, answers = start(redis_url, 0.2, lead_dies=True)
    wait_until(lambda: client.get("leader") is not None, 20)

    pid = int(client.get("leader"))
    (leader,) = [process for process in processes if process.pid == pid]
    leader.kill()

    assert [answers.get(timeout=20) for _ in range((PROCESSES - 1) * THREADS)] == [1] * (PROCESSES - 1) * THREADS
    for process in processes:
        process.join()
    assert int(client.get("loads")) == 2


def test_a_load_may_take_longer_than_a_lease(caches, redis_url, client):
    one, other = patient(caches(redis_url)), patient(caches(redis_url))

    def load() -> Loaded:
        client.incr("loads")
        time.sleep(LEASE + 0.6)
        return Loaded(b'{"value": 1}', Position(SHARD, 100))

    first = threading.Thread(target=one.get_or_load, args=(key(), load))
    first.start()
    wait_until(lambda: client.get("loads") is not None)
    found = other.get_or_load(key(), load)
    first.join()

    assert (found.shared, int(client.get("loads"))) == (True, 1)
    assert other.counters.totals()["l2", "user", "coalesced"] == 1
    assert ("l2", "user", "hit") not in other.counters.totals()


def test_those_who_have_seen_more_do_not_wait_for_what_is_too_old(cache, truth):
    loading, done = threading.Event(), threading.Event()
    slow = threading.Thread(target=cache.get_or_load, args=(key(), truth.slowly(lambda: (loading.set(), done.wait(5)))))
    slow.start()
    loading.wait(5)
    offset = truth.write(2)

    found = cache.get_or_load(key(), truth.read, min_position=Position(SHARD, offset))

    assert value_of(found.body) == 2
    done.set()
    slow.join()
    assert value_of(cache.get_or_load(key(), truth.read).body) == 2


def test_those_who_come_after_an_invalidation_do_not_get_what_was_loaded_before(cache, truth, change):
    loading, done = threading.Event(), threading.Event()
    slow = threading.Thread(target=cache.get_or_load, args=(key(), truth.slowly(lambda: (loading.set(), done.wait(5)))))
    slow.start()
    loading.wait(5)
    change(2)
    answers = []
    later = [
        threading.Thread(target=lambda: answers.append(value_of(cache.get_or_load(key(), truth.read).body)))
        for _ in range(10)
    ]
    for thread in later:
        thread.start()
    time.sleep(0.05)
    done.set()
    for thread in (slow, *later):
        thread.join()

    assert answers == [2] * 10
    assert truth.loads == 2


@pytest.mark.parametrize("down", [True, False])
def test_what_a_load_raises_is_not_tried_again_for_each_who_waits(caches, redis_url, down):
    cache = caches("redis://127.0.0.1:1" if down else redis_url)
    cache.start = lambda: None
    loads, errors = [], []
    together = threading.Barrier(20)

    def load():
        loads.append(1)
        time.sleep(0.5)
        raise ValueError

    def one() -> None:
        together.wait()
        try:
            cache.get_or_load(key(), load)
        except ValueError as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 20
    assert len(loads) <= 2
