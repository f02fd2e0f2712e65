"""Whatever happens to Redis, the answer is right, and comes soon."""

from __future__ import annotations

import threading
import time

import pytest
import redis

from domain.cache.epoch import STATE
from domain.cache.factory import make_invalidator
from domain.cache.scripts import run
from tests.integration.cache.conftest import trusted, wait_until
from tests.integration.cache.world import TENANT, key, tag, value_of

OTHER = "33333333-3333-4333-8333-333333333333"


@pytest.fixture
def cache(caches, redis_server):
    cache = caches(redis_server.url)
    cache.start()
    wait_until(lambda: trusted(cache))
    return cache


@pytest.fixture
def change(truth, redis_server):
    invalidator = make_invalidator(redis_server.url)

    def change(value: int) -> None:
        invalidator.raise_({TENANT: {tag(): truth.write(value)}})

    yield change
    invalidator.close()


@pytest.fixture
def admin(redis_server):
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


def get(cache, truth):
    found = cache.get_or_load(key(), truth.read)
    return value_of(found.body), found.level


@pytest.fixture
def calls(cache, truth, monkeypatch):
    """How often a request calls Redis that this process's memory has no answer for."""
    callers, call = [], cache.l2._client.execute_command
    note = lambda *a, **k: (callers.append(threading.get_ident()), call(*a, **k))[1]  # noqa: E731
    monkeypatch.setattr(cache.l2._client, "execute_command", note)

    def calls() -> int:
        cache.l1.empty()
        callers.clear()
        get(cache, truth)
        return callers.count(threading.get_ident())

    return calls


def serves_from_redis(cache, truth) -> bool:
    cache.l1.empty()
    return get(cache, truth)[1] == "l2"


def test_no_call_waits_longer_than_a_tenth_of_a_second(cache):
    waits = cache.l2._client.get_connection_kwargs()

    assert waits["socket_timeout"] <= 0.1
    assert waits["socket_connect_timeout"] <= 0.1
    assert waits["retry"].get_retries() == 0


def test_a_dead_server(cache, truth, redis_server, calls):
    get(cache, truth)
    redis_server.kill()
    truth.write(2)

    first = [calls() for _ in range(3)]
    assert cache.l2.guard.breaker.state == "open"
    later = [calls() for _ in range(100)]

    assert max(first) == 1
    # But for the one of each pause that tries again.
    assert sum(later) <= 3
    assert get(cache, truth) == (2, "load")


def test_a_frozen_server(cache, truth, redis_server, change, calls):
    get(cache, truth)
    redis_server.freeze()
    try:
        first = [calls() for _ in range(3)]
        later = [calls() for _ in range(100)]
        truth.write(2)
        written, asked = time.monotonic(), []
        wait_until(lambda: (asked.append(time.monotonic()), get(cache, truth))[1][0] == 2, 30)
    finally:
        redis_server.resume()

    # The last one was answered with what is true.
    assert [late for each in asked[:-1] if (late := each - written) > 2.2] == []
    assert max(first) == 1
    assert sum(later) <= 3
    change(3)
    wait_until(lambda: serves_from_redis(cache, truth), 10)
    assert get(cache, truth)[0] == 3


@pytest.mark.slow_redis
def test_a_slow_server(cache, truth, redis_server, calls, monkeypatch):
    get(cache, truth)
    call = cache.l2._client.execute_command
    monkeypatch.setattr(cache.l2._client, "execute_command", lambda *a, **k: (time.sleep(0.07), call(*a, **k))[1])

    first = [calls() for _ in range(3)]
    later = [calls() for _ in range(100)]

    assert max(first) == 1
    # But for the one of each pause that tries again.
    assert sum(later) <= 3


@pytest.mark.slow_redis
def test_a_request_waits_for_one_slow_call_and_what_it_leaves_is_given_back(cache, truth, admin, monkeypatch):
    # Given a process with a connection, and a server that has become slow
    get(cache, truth)
    calls, call = [], cache.l2._client.execute_command
    with monkeypatch.context() as patched:
        slow = lambda *a, **k: (calls.append(a), time.sleep(0.07), call(*a, **k))[2]  # noqa: E731
        patched.setattr(cache.l2._client, "execute_command", slow)

        # When it is asked for what nobody has loaded
        found = cache.get_or_load(key(user=OTHER), lambda: truth.read(OTHER))

    # Then one call was made for it, and a moment later others may load it
    assert (found.level, len(calls)) == ("load", 1)
    lease = cache.l2._epoch.names(TENANT).lease(key(user=OTHER).text, 0)
    cache._loading.keep_leases()
    assert not admin.exists(lease)
    assert not cache._loading._left


def test_a_full_server(cache, truth, admin, change):
    get(cache, truth)
    admin.config_set("maxmemory", "1")
    change(2)
    wait_until(lambda: get(cache, truth)[0] == 2)
    wait_until(lambda: not cache.health.readable)
    assert get(cache, truth) == (2, "load")

    admin.config_set("maxmemory", "0")

    wait_until(lambda: serves_from_redis(cache, truth), 10)
    assert get(cache, truth)[0] == 2


def test_a_fence_that_can_not_be_raised_is_deleted(cache, truth, admin):
    get(cache, truth)
    names = cache.l2._epoch.names(TENANT)
    admin.config_set("maxmemory", "1")

    told = run(admin, "raise", names.run_id, [names.fences, STATE], [names.epoch, 100, tag(), truth.write(2)])

    admin.config_set("maxmemory", "0")
    assert told == [b"FORGOTTEN"]
    assert not serves_from_redis(cache, truth)


@pytest.mark.parametrize("setting", ["replica", "alone"])
def test_a_server_that_takes_no_writes(cache, truth, admin, change, setting):
    get(cache, truth)
    if setting == "replica":
        admin.replicaof("127.0.0.1", "1")
    else:
        admin.config_set("min-replicas-to-write", 1)
    with pytest.raises(redis.RedisError):
        change(2)
    wait_until(lambda: not cache.health.readable)
    assert get(cache, truth) == (2, "load")

    if setting == "replica":
        admin.replicaof("NO", "ONE")
    else:
        admin.config_set("min-replicas-to-write", 0)

    change(3)
    wait_until(lambda: serves_from_redis(cache, truth), 10)
    assert get(cache, truth)[0] == 3


def test_a_server_that_comes_back_with_what_it_had(cache, truth, redis_server, admin, change):
    get(cache, truth)
    admin.save()
    admin.bgrewriteaof()
    old = sorted(admin.keys("cache:{1*"))
    assert old
    # What happens now is on the server that is lost, and not on the copy that takes its place.
    redis_server.kill()
    truth.write(2)
    redis_server.start()

    wait_until(lambda: serves_from_redis(cache, truth), 12)

    assert get(cache, truth)[0] == 2
    assert set(old) <= set(admin.keys("cache:{1*"))
    change(3)
    wait_until(lambda: get(cache, truth)[0] == 3)


def test_invalidation_that_is_behind_is_waited_for_at_the_database(caches, redis_url, truth):
    late = [0.0]
    cache = caches(redis_url, behind=lambda: late[0])
    cache.start()
    wait_until(lambda: get(cache, truth)[1] == "l1")
    truth.write(2)
    assert get(cache, truth)[0] == 1

    late[0] = 5.1

    wait_until(lambda: get(cache, truth) == (2, "load"), 2)
    late[0] = 0.0
    wait_until(lambda: cache.health.readable, 2)
