"""CACHE_STRATEGY: who puts answers into the cache, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from domain.bootstrap import Container, bootstrap
from domain.cache.keys import key_of
from domain.settings import Settings, SettingsError
from tests.integration.web.cached import level, wait_for_l1
from tests.integration.web.service import Service
from web.app import create_app

#: Loads for ten requests, as they are when somebody waits for others.
FEW = 3

Start = Callable[[str], Service]


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Start a process with a strategy."""
    containers: list[Container] = []

    def start(strategy: str) -> Service:
        containers.append(bootstrap(replace(settings, cache_strategy=strategy)))
        return Service(create_app(container=containers[-1]))

    yield start
    for container in containers:
        container.close()


def loads(*services: Service) -> int:
    return sum(
        service.container.caching.cache.counters.totals().get(("load", "user", "load"), 0) for service in services
    )


def ask_together(services: list[Service], path: str, times: int) -> None:
    threads = [threading.Thread(target=service.send, args=("GET", path)) for service in services for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def slow_reading(service: Service, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the database take its time, so that requests meet."""
    queries = service.container.caching.queries
    read = queries._read
    monkeypatch.setattr(queries, "_read", lambda *a, **k: (time.sleep(seconds), read(*a, **k))[1])


def test_read_through_loads_once_for_all(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = start("read-through"), start("read-through")
    ada = one.tenant().user()
    one.fold()
    for service in (one, two):
        slow_reading(service, 0.2, monkeypatch)
        service.container.caching.cache.l2._epoch.again()

    ask_together([one, two], f"/users/{ada.id}", 5)

    # One, unless a busy machine makes a call to Redis so slow that it isn't waited for.
    assert loads(one, two) <= FEW


def test_cache_aside_lets_everybody_load_and_nobody_wait(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    service = start("cache-aside")
    ada = service.tenant().user()
    service.fold()
    path = f"/users/{ada.id}"
    with monkeypatch.context() as patched:
        slow_reading(service, 0.2, patched)
        ask_together([service], path, 10)
        assert loads(service) > FEW

    # It is the same cache otherwise: what was loaded is kept, and invalidated.
    wait_for_l1(service, path)
    position = service.done("PATCH", path, {"first_name": "Augusta"}, by=ada)["position"]
    service.fold()
    assert service.send("GET", path, headers={"Min-Position": position}).json["first_name"] == "Augusta"
    assert service.send("GET", path).json["first_name"] == "Augusta"


@pytest.mark.parametrize("path", ["/users/{user}", "/users/tenant/{tenant}", "/tenants/{tenant}/dashboard"])
def test_write_through_has_the_fresh_answer_before_anybody_asks(start: Start, path: str) -> None:
    web = start("write-through")
    tenant = web.tenant()
    ada = tenant.user()
    web.fold()
    path = path.format(user=ada.id, tenant=tenant.id)
    wait_for_l1(web, path)
    web.container.caching.hot.tell()
    # It asks which keys are hot every few seconds; a new one asks at once.
    worker = start("write-through")

    web.done("PATCH", f"/users/{ada.id}", {"first_name": "Augusta"}, by=ada)
    worker.fold()

    written = ("l2", path_query(path), "written")
    deadline = time.monotonic() + 30
    while not worker.container.caching.cache.counters.totals().get(written):
        assert time.monotonic() < deadline, "the worker has written nothing"
        time.sleep(0.01)
    web.container.caching.cache.l1.empty()
    before = web.container.caching.cache.counters.totals().get(("load", path_query(path), "load"), 0)
    assert "Augusta" in web.send("GET", path).text
    assert web.container.caching.cache.counters.totals()["load", path_query(path), "load"] == before


def path_query(path: str) -> str:
    return "dashboard" if "dashboard" in path else "users_of_tenant" if "/tenant/" in path else "user"


def test_write_through_leaves_cold_answers_to_those_who_ask(start: Start) -> None:
    web = start("write-through")
    tenant = web.tenant()
    ada, bob = tenant.user(), tenant.user()
    web.fold()
    web.container.caching.hot.asked(f"user:{ada.id}:tenant:{tenant.id}:v:1")
    # The hottest can't be answered, which is no reason to leave out what comes after it.
    web.container.caching.hot.asked(*[key_of("users_of_tenant", tenant.id, cursor="none").text] * 9)
    web.container.caching.hot.tell()
    worker = start("write-through")

    web.done("PATCH", f"/users/{bob.id}", {"first_name": "Bert"}, by=bob)
    web.done("PATCH", f"/users/{ada.id}", {"first_name": "Augusta"}, by=ada)
    worker.fold()

    deadline = time.monotonic() + 30
    while not worker.container.caching.cache.counters.totals().get(("l2", "user", "written")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert loads(worker) == 1
    assert worker.container.caching.cache.counters.totals()["l2", "users_of_tenant", "failed"] >= 1
    assert [level(web, f"/users/{each.id}") for each in (ada, bob)] == ["L2", "database"]


def test_there_are_three(settings: Settings) -> None:
    environ = {"DATABASE_URL": "postgres://x", "REDIS_URL": "redis://x", "JWT_SECRET": "x" * 32}
    assert Settings.from_environment(environ).cache_strategy == "read-through"
    with pytest.raises(SettingsError, match="one of read-through, write-through, cache-aside is needed"):
        Settings.from_environment(environ | {"CACHE_STRATEGY": "write-behind"})
