"""What the rest of the service may use it for."""

from __future__ import annotations

import flask
import orjson
import pytest

from domain.cache.l2 import L2
from domain.model.errors import Invalid
from tests.integration.cache.conftest import wait_until
from tests.integration.cache.world import TENANT, USER, key, value_of

OTHER = "33333333-3333-4333-8333-333333333333"


def test_it_is_the_cache_of_a_flask_app(cache, truth):
    app = flask.Flask("test")
    cache.init_app(app)

    with app.app_context():
        assert isinstance(cache.cache, L2)
        assert app.extensions["cache"][cache] is cache.l2
        assert value_of(cache.get_or_load(key(), truth.read).body) == 1
        cache.set("plain", {"a": 1}, timeout=5)
        assert cache.get("plain") == {"a": 1}


@pytest.mark.parametrize("name", ["cached", "memoize", "delete_memoized", "clear"])
def test_what_has_no_fence_is_refused(cache, name):
    with pytest.raises(NotImplementedError):
        getattr(cache, name)()


def test_no_pickle_is_ever_read(cache, client):
    pickled = b"!\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93"
    client.set("cache:{all}:plain:evil", pickled)
    with pytest.raises(orjson.JSONDecodeError):
        cache.get("evil")


def test_a_warm_up_loads_what_is_missing_and_counts_no_hits(cache, truth):
    truth.write(7, OTHER)
    cache.get_or_load(key(), truth.read)

    asked = [(key(user), lambda user=user: truth.read(user)) for user in (USER, OTHER)]
    assert cache.warm(asked, per_second=1000) == 1
    assert cache.warm(asked, per_second=1000) == 0

    assert cache.counters.totals()["l2", "user", "warm"] == 1
    assert ("l2", "user", "hit") not in cache.counters.totals()
    assert value_of(cache.get_or_load(key(OTHER), lambda: truth.read(OTHER)).body) == 7
    assert truth.loads == 2


def refuses() -> None:
    raise Invalid(field="cursor", reason="it is none of ours")


def breaks() -> None:
    raise ConnectionError("a test")


def test_a_warm_up_leaves_out_what_can_not_be_answered(cache, truth):
    truth.write(7, OTHER)
    asked = [(key(), refuses)] * 9 + [(key(), breaks)] * 4 + [(key(OTHER), lambda: truth.read(OTHER))]

    assert cache.warm(asked, per_second=1000) == 1

    assert cache.counters.totals()["l2", "user", "failed"] == 13
    assert value_of(cache.get_or_load(key(OTHER), refuses).body) == 7


def test_a_warm_up_ends_where_nothing_can_be_answered(cache, truth):
    with pytest.raises(ConnectionError):
        cache.warm([(key(), breaks)] * 9, per_second=1000)

    assert cache.counters.totals()["l2", "user", "failed"] == 5


def test_counters_are_read_over_all_processes(caches, redis_url, truth):
    one, other = caches(redis_url), caches(redis_url)
    for cache in (one, other):
        cache.start = lambda: None
        cache.get_or_load(key(), truth.read)
        cache.telemetry.tell()

    for cache in (one, other):
        stats = cache.stats()
        assert stats["counters"]["l2"]["user"]["hit"] == 1
        assert stats["counters"]["l2"]["user"]["miss"] == 1
        assert stats["hit_ratio"] == 0.5
        assert set(stats["processes"]) == {one.telemetry.process, other.telemetry.process}


def test_a_process_that_is_gone_is_forgotten(caches, redis_url, client, truth):
    one, other = caches(redis_url), caches(redis_url)
    one.get_or_load(key(), truth.read)
    one.telemetry.tell()
    client.delete(f"telemetry:{{all}}:processes:alive:{one.telemetry.process}")
    assert set(other.stats()["processes"]) == {other.telemetry.process}
    # What it counted stays counted, once, whoever looks how often, and also if it was only silent for long.
    assert [other.stats()["counters"]["load"]["user"]["load"] for _ in range(2)] == [1, 1]
    one.get_or_load(key(USER.replace("2", "3")), truth.read)
    one.telemetry.tell()
    one.telemetry.tell()
    found = other.stats()
    assert found["counters"]["load"]["user"]["load"] == 2
    assert set(found["processes"]) == {one.telemetry.process, other.telemetry.process}


def test_without_redis_it_tells_of_itself(caches, truth):
    cache = caches("redis://127.0.0.1:1")
    cache.get_or_load(key(), truth.read)
    stats = cache.stats()
    assert stats["counters"]["l2"]["user"] == {"bypass": 1}
    wait_until(lambda: cache.stats()["processes"][cache.telemetry.process]["stream"]["disconnected"] > 0)


def test_memory_is_faster_than_redis_and_says_so(listening, truth):
    wait_until(lambda: listening.get_or_load(key(), truth.read).level == "l1")
    found = listening.get_or_load(key(), truth.read)
    assert (found.level, found.etag != "", found.tags) == ("l1", True, ("class:user", f"user:{USER}"))
    assert listening.counters.totals()["l1", "user", "hit"] >= 1
    assert listening.stats()["processes"][listening.telemetry.process]["l1"]["entries"] == 1


def test_every_key_of_a_tenant_lies_in_one_slot(cache, truth, client):
    cache.get_or_load(key(), truth.read)
    keys = [name.decode() for name in client.keys("*") if b"{all}" not in name]
    assert len(keys) == 2
    assert all(f"{{{TENANT}}}" in name for name in keys)
