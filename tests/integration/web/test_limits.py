"""429 for who sends too much, and what it costs when Redis is away: nothing."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
import redis

from domain.variables import Rate
from tests.integration.cache.conftest import wait_until
from tests.integration.web.service import ROOT, WINDOW, Make, Service, problem
from tests.stopwatch import Stopwatch
from web.limits import FAILED, storage
from web.limits.storage import LAZY, LazyRedisStorage

NOWHERE = "/tenants/7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b/summary"


def counts_of(service: Service) -> LazyRedisStorage:
    (limiter,) = service.app.extensions["limiter"]
    assert isinstance(limiter.storage, LazyRedisStorage)
    return limiter.storage


def test_a_principal_beyond_its_rate_is_429(make: Make) -> None:
    service = make(rate_limit_per_principal=Rate(3, WINDOW))
    other = replace(ROOT, id="other")

    for _ in range(3):
        assert service.send("GET", NOWHERE).status_code == 404
    refused = service.send("GET", NOWHERE)

    problem(refused, 429, "too_many_requests")
    assert 0 < int(refused.headers["Retry-After"]) <= WINDOW
    assert refused.headers["RateLimit"].startswith('"principal";r=0;t=')
    assert refused.headers["RateLimit-Policy"] == f'"principal";q=3;w={WINDOW}'
    assert service.send("GET", NOWHERE, by=other).status_code == 404


def test_an_address_beyond_its_rate_is_429_before_its_token_is_looked_at(make: Make) -> None:
    service = make(rate_limit_per_address=Rate(2, WINDOW))
    client = service.app.test_client()

    statuses = [client.get(f"/api/v1{NOWHERE}", headers={"Authorization": "Bearer x"}).status_code for _ in range(3)]

    assert statuses == [401, 401, 429]
    assert client.get("/health/live").status_code == 200


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(make: Make) -> None:
    service = make(rate_limit_per_address=Rate(1, WINDOW), trusted_proxies=1)

    def ask(forwarded: str) -> int:
        return service.app.test_client().get("/api/v1/x", headers={"X-Forwarded-For": forwarded}).status_code

    # What stands further left was written by the client.
    assert [ask("9.9.9.9, 1.1.1.1"), ask("8.8.8.8, 1.1.1.1"), ask("9.9.9.9, 2.2.2.2")] == [404, 429, 404]
    assert [ask("2001:db8::1"), ask("2001:db8::2"), ask("2001:db8:0:1::1")] == [404, 429, 404]


def test_without_proxies_nobody_chooses_its_address(make: Make) -> None:
    service = make(rate_limit_per_address=Rate(1, WINDOW))

    def ask(forwarded: str) -> int:
        return service.app.test_client().get("/api/v1/x", headers={"X-Forwarded-For": forwarded}).status_code

    assert [ask("1.1.1.1"), ask("2.2.2.2")] == [404, 429]


def test_processes_share_a_limit(make: Make) -> None:
    one, two = (make(rate_limit_per_principal=Rate(20, WINDOW)) for _ in range(2))
    for _ in range(19):
        one.send("GET", NOWHERE)

    deadline = time.monotonic() + 30
    while two.send("GET", NOWHERE).status_code != 429:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_off_is_off(make: Make) -> None:
    service = make(rate_limit_per_principal=None, rate_limit_per_address=None)

    assert service.send("GET", NOWHERE).status_code == 404
    assert not counts_of(service)._counts


def test_without_redis_each_process_limits_alone_and_waits_for_nothing(make: Make) -> None:
    service = make(rate_limit_per_principal=Rate(200, WINDOW), cache_redis_url="redis://127.0.0.1:1/0")
    counts = counts_of(service)

    with Stopwatch() as watch:
        for _ in range(10_000):
            counts.incr("somebody", WINDOW)
    assert watch.seconds < 5
    assert {service.send("GET", NOWHERE).status_code for _ in range(200)} == {404}
    problem(service.send("GET", NOWHERE), 429, "too_many_requests")


def test_it_is_counted_that_redis_was_not_asked_and_for_how_long(make: Make) -> None:
    service = make(cache_redis_url="redis://127.0.0.1:1/0")
    before = failed_exchanges(service)

    # The breaker opens after three, and what it keeps away from Redis counts as well.
    deadline = time.monotonic() + 30
    while failed_exchanges(service) < before + 8:
        assert time.monotonic() < deadline
        # Again and again, since what was counted in a window that ends is told nobody any more.
        service.send("GET", NOWHERE)
        time.sleep(0.05)
    assert not counts_of(service).check()


def test_while_redis_is_there_no_exchange_fails(make: Make) -> None:
    service = make()
    service.send("GET", NOWHERE)
    time.sleep(0.6)

    assert failed_exchanges(service) == 0
    assert counts_of(service).check()


def test_what_flask_limiter_would_look_for_in_each_request_is_not_looked_for(make: Make) -> None:
    app = make().app
    (limiter,) = app.extensions["limiter"]

    hooks = [
        hook for hooks in (*app.before_request_funcs.values(), *app.after_request_funcs.values()) for hook in hooks
    ]

    assert hooks
    assert not [hook for hook in hooks if "flask_limiter" in getattr(getattr(hook, "func", hook), "__module__", "")]
    assert limiter.initialized


def test_the_memory_for_names_is_bounded(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MOST", 1)
    counts = LazyRedisStorage(LAZY + redis_url, failed=lambda: None)

    assert [counts.incr(name, WINDOW) for name in ("a", "b", "a", "b")] == [1, 0, 2, 0]


def failed_exchanges(service: Service) -> float:
    """What this process counts of it: without Redis nobody can tell for all."""
    return service.container.counters.totals().get(FAILED, 0)


def test_a_window_ends_and_is_forgotten(redis_url: str) -> None:
    now = [1000.0]
    counts = LazyRedisStorage(LAZY + redis_url, failed=lambda: None, clock=lambda: now[0])

    assert [counts.incr("a", 10) for _ in range(2)] == [1, 2]
    assert (counts.get("a"), counts.get_expiry("a")) == (2, 1010)
    now[0] = 1010.0
    assert counts.get("a") == 0
    assert counts.incr("a", 10) == 1

    with redis.Redis.from_url(redis_url) as client:
        deadline = time.monotonic() + 30
        while client.get("rate:{all}:a:1020") is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        # Only what still counts was told, and Redis forgets it by itself.
        assert client.get("rate:{all}:a:1020") == b"1"
        assert 0 < client.ttl("rate:{all}:a:1020") <= 20
    counts.incr("b", 10)
    now[0] = 1020.0
    deadline = time.monotonic() + 30
    while counts._counts:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_names_in_redis_tell_nobody(make: Make, redis_url: str) -> None:
    service = make()

    with redis.Redis.from_url(redis_url) as client:
        # A Redis that was slow on a busy machine is left alone for a while, and what is counted at the very end of a
        # window is told to nobody.
        deadline = time.monotonic() + 30
        while not (keys := client.keys("rate:*")):
            assert time.monotonic() < deadline
            service.send("GET", NOWHERE, by=replace(ROOT, id="ada@example.com"))
            time.sleep(0.05)
    assert not [key for key in keys if b"ada" in key or b"127.0.0.1" in key]


def test_a_bounded_number_of_queries_waits_and_the_others_are_served(make: Make) -> None:
    service = make(position_waits=1)
    tenant = service.tenant()
    service.fold()
    path = f"/tenants/{tenant.id}/summary"
    ahead = {"Min-Position": service.done("PATCH", f"/tenants/{tenant.id}", {"name": "New"})["position"]}
    ahead |= {"Prefer": "wait=5"}
    first = threading.Thread(target=lambda: Service(service.app).send("GET", path, headers=ahead))
    first.start()
    wait_until(lambda: bool(service.container.waiter._waiting), 20)

    with Stopwatch() as watch:
        refused = service.send("GET", path, headers=ahead)

    problem(refused, 503, "unavailable")
    assert "Retry-After" in refused.headers
    assert watch.seconds < 3
    assert service.send("GET", path).status_code == 200
    first.join()
