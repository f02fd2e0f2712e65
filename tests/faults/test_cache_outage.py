"""Whatever happens to the cache's Redis, requests are answered, rightly and soon."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from domain.bootstrap import bootstrap
from domain.settings import Settings
from tests.integration.web.cached import PATHS, Asked, level, wait_for_l1
from tests.integration.web.service import Service, Tenant
from tests.stopwatch import Stopwatch
from web.app import create_app
from workers.launcher.valkey import EmbeddedValkey

pytestmark = pytest.mark.fault

#: What a request may cost more: the first ones, and later ones, in seconds. A machine that runs all tests at once is
#: slower than either, so that later ones are judged by their median.
FIRST, LATER = 0.1, 0.001

#: Seconds after Redis is back in which the cache is too.
BACK = 10.0

Fault = Callable[[EmbeddedValkey, redis.Redis], Iterator[None]]


def dead(server: EmbeddedValkey, _admin: redis.Redis) -> Iterator[None]:
    server.kill()
    yield
    server.start()


def frozen(server: EmbeddedValkey, _admin: redis.Redis) -> Iterator[None]:
    server.freeze()
    yield
    server.resume()


def full(_server: EmbeddedValkey, admin: redis.Redis) -> Iterator[None]:
    admin.config_set("maxmemory", "1")
    yield
    admin.config_set("maxmemory", "0")


def read_only(_server: EmbeddedValkey, admin: redis.Redis) -> Iterator[None]:
    admin.replicaof("127.0.0.1", "1")
    yield
    admin.replicaof("NO", "ONE")


def slow(_server: EmbeddedValkey, admin: redis.Redis) -> Iterator[None]:
    """Whatever it is asked, it takes a while."""
    ends = threading.Event()

    def delay() -> None:
        while not ends.is_set():
            # It is delayed by the pause before, and so are all others.
            admin.execute_command("CLIENT", "PAUSE", "60", "ALL")

    delaying = threading.Thread(target=delay)
    delaying.start()
    yield
    ends.set()
    delaying.join()


FAULTS: dict[str, Fault] = {each.__name__: each for each in (dead, frozen, full, read_only, slow)}


@pytest.fixture
def settings(database_url: str, redis_url: str, redis_server: EmbeddedValkey) -> Settings:
    return Settings.from_environment(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "CACHE_REDIS_URL": redis_server.url,
            "JWT_SECRET": "a-secret-of-more-than-thirty-two-bytes",
        }
    )


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    with _process(settings) as service:
        yield service


@pytest.fixture
def worker(settings: Settings) -> Iterator[Service]:
    """Another process, which folds: what it invalidates, the first one can hear only through Redis."""
    with _process(settings) as worker:
        yield worker


@pytest.fixture
def uncached(settings: Settings) -> Iterator[Service]:
    """A process that asks the database each time, and Redis never."""
    with _process(settings) as uncached:
        cache = uncached.container.caching.cache
        cache.start = lambda: None
        cache.health.readable = False
        yield uncached


@contextmanager
def _process(settings: Settings) -> Iterator[Service]:
    container = bootstrap(settings)
    try:
        yield Service(create_app(container=container))
    finally:
        container.close()


@contextmanager
def during(fault: Fault, server: EmbeddedValkey) -> Iterator[None]:
    with redis.Redis.from_url(server.url) as admin:
        happening = fault(server, admin)
        next(happening)
        try:
            yield
        finally:
            next(happening, None)


def took(service: Service, each: Asked, by: Tenant) -> float:
    """Seconds of a request that this process's memory has no answer for."""
    service.container.caching.cache.l1.empty()
    return timed(service, each.path, by)


def timed(service: Service, path: str, by: Tenant) -> float:
    began = time.perf_counter()
    response = service.send("GET", path, by=by.admin)
    seconds = time.perf_counter() - began
    assert response.status_code == 200, response.text
    return seconds


@pytest.mark.parametrize("fault", FAULTS)
def test_redis_may_fail(
    service: Service, worker: Service, uncached: Service, redis_server: EmbeddedValkey, fault: str
) -> None:
    tenant = service.tenant()
    ada = tenant.user()
    workspace = tenant.workspace(ada)
    worker.fold()
    asked = [Asked(name, tenant.id, ada.id, workspace) for name in PATHS if name != "profile"]
    for each in asked:
        wait_for_l1(service, each.path, tenant.admin)
        took(uncached, each, tenant)

    with during(FAULTS[fault], redis_server):
        # Pages that nobody has asked for yet, so that what is in this process's memory stays there.
        first = [timed(service, f"/users/tenant/{tenant.id}?limit={number}", tenant) for number in range(1, 5)]
        # That memory is trusted for a while, and no longer. Commands are carried out, folded and seen, whatever the
        # cache can be told.
        done = service.done("PATCH", f"/users/{ada.id}", {"first_name": "Augusta"}, by=ada)
        worker.fold()
        with Stopwatch() as watch:
            for each in asked:
                while each.shown(service, tenant.admin) != each.truth(service.container):
                    assert watch.seconds < 2, f"{each.name} is stale"
                    time.sleep(0.01)
        for each in asked:
            shown = each.shown(service, tenant.admin, **{"Min-Position": done["position"]})
            assert shown == each.truth(service.container), each.name
        # Side by side, since what else the machine does makes more of a difference than either.
        pairs = [(took(service, each, tenant), took(uncached, each, tenant)) for _ in range(5) for each in asked]

    back = time.monotonic()
    service.container.caching.cache.l1.empty()
    while level(service, asked[0].path, tenant.admin) == "database":
        # The workers tell again what they could not.
        worker.fold()
        assert asked[0].shown(service, tenant.admin) == asked[0].truth(service.container)
        assert time.monotonic() < back + BACK, "the cache isn't back"
        time.sleep(0.05)
    seconds = time.monotonic() - back
    for each in asked * 2:
        assert each.shown(service, tenant.admin) == each.truth(service.container), each.name
    later, without = zip(*pairs, strict=True)
    usual = statistics.median(without)
    print(
        f"\n{fault}: first {max(first) * 1000:.0f} ms, later {statistics.median(later) * 1000:.2f} ms, "
        f"without a cache {usual * 1000:.2f} ms, back after {seconds:.1f} s"
    )
    assert max(first) < max(without) + 2.5 * FIRST
    assert statistics.median(later) < 2 * usual + 2 * LATER
