"""429 for who sends too much, and what it costs when Redis is away: nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis

from domain.bootstrap import bootstrap
from domain.model.position import shard_of
from domain.settings import Rate, Settings
from tests.integration.web.service import ROOT, Service, problem
from web.app import create_app
from web.limits.counters import SharedCounters

Make = Callable[..., Service]
NOWHERE = "/tenants/7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b/summary"


@pytest.fixture
def make(settings: Settings) -> Iterator[Make]:
    """Makes services on the same servers, as further processes would be."""
    made = []

    def service(**changes: Any) -> Service:
        made.append(bootstrap(replace(settings, **changes)))
        return Service(create_app(container=made[-1]))

    yield service
    for container in made:
        container.close()


def test_a_principal_beyond_its_rate_is_429(make: Make) -> None:
    service = make(rate_limit_per_principal=Rate(3, 3600))
    other = replace(ROOT, id="other")

    for _ in range(3):
        assert service.send("GET", NOWHERE).status_code == 404
    refused = service.send("GET", NOWHERE)

    problem(refused, 429, "too_many_requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert refused.headers["RateLimit"].startswith('"principal";r=0;t=')
    assert refused.headers["RateLimit-Policy"] == '"principal";q=3;w=3600'
    assert service.send("GET", NOWHERE, by=other).status_code == 404


def test_an_address_beyond_its_rate_is_429_before_its_token_is_looked_at(make: Make) -> None:
    service = make(rate_limit_per_address=Rate(2, 3600))
    client = service.app.test_client()

    statuses = [client.get(f"/api/v1{NOWHERE}", headers={"Authorization": "Bearer x"}).status_code for _ in range(3)]

    assert statuses == [401, 401, 429]
    assert client.get("/health/live").status_code == 200


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(make: Make) -> None:
    service = make(rate_limit_per_address=Rate(1, 3600), trusted_proxies=1)

    def ask(forwarded: str) -> int:
        return service.app.test_client().get("/api/v1/x", headers={"X-Forwarded-For": forwarded}).status_code

    # What stands further left was written by the client.
    assert [ask("9.9.9.9, 1.1.1.1"), ask("8.8.8.8, 1.1.1.1"), ask("9.9.9.9, 2.2.2.2")] == [404, 429, 404]
    assert [ask("2001:db8::1"), ask("2001:db8::2"), ask("2001:db8:0:1::1")] == [404, 429, 404]


def test_without_proxies_nobody_chooses_its_address(make: Make) -> None:
    service = make(rate_limit_per_address=Rate(1, 3600))

    def ask(forwarded: str) -> int:
        return service.app.test_client().get("/api/v1/x", headers={"X-Forwarded-For": forwarded}).status_code

    assert [ask("1.1.1.1"), ask("2.2.2.2")] == [404, 429]


def test_processes_share_a_limit(make: Make) -> None:
    one, two = (make(rate_limit_per_principal=Rate(20, 3600)) for _ in range(2))
    for _ in range(19):
        one.send("GET", NOWHERE)

    deadline = time.monotonic() + 5
    while two.send("GET", NOWHERE).status_code != 429:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_off_is_off(make: Make) -> None:
    service = make(rate_limit_per_principal=None, rate_limit_per_address=None)

    assert service.send("GET", NOWHERE).status_code == 404
    assert not service.app.extensions["rate limits"]._counts


def test_without_redis_each_process_limits_alone_and_waits_for_nothing(make: Make) -> None:
    service = make(rate_limit_per_principal=Rate(200, 3600), cache_redis_url="redis://127.0.0.1:1/0")
    counters: SharedCounters = service.app.extensions["rate limits"]

    began = time.monotonic()
    for _ in range(10_000):
        counters.hit("somebody", 3600)
    assert time.monotonic() - began < 5
    assert {service.send("GET", NOWHERE).status_code for _ in range(200)} == {404}
    problem(service.send("GET", NOWHERE), 429, "too_many_requests")
    deadline = time.monotonic() + 5
    while not counters.failures:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_window_ends_and_is_forgotten(redis_url: str) -> None:
    now = [1000.0]
    counters = SharedCounters(redis_url, clock=lambda: now[0])

    assert [counters.hit("a", 10) for _ in range(2)] == [(1, 10.0), (2, 10.0)]
    now[0] = 1010.0
    assert counters.hit("a", 10)[0] == 1

    with redis.Redis.from_url(redis_url) as client:
        deadline = time.monotonic() + 5
        while not client.keys("rate:*"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        # Only what still counts was told, and Redis forgets it by itself.
        assert client.get("rate:a:10:101") == b"1"
        assert 0 < client.ttl("rate:a:10:101") <= 20
    assert {window for _, window, _ in counters._counts} == {101}


def test_names_in_redis_tell_nobody(make: Make, redis_url: str) -> None:
    service = make()
    service.send("GET", NOWHERE, by=replace(ROOT, id="ada@example.com"))

    with redis.Redis.from_url(redis_url) as client:
        deadline = time.monotonic() + 5
        while not (keys := client.keys("rate:*")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert not [key for key in keys if b"ada" in key or b"127.0.0.1" in key]


def test_a_bounded_number_of_queries_waits_and_the_others_are_served(make: Make) -> None:
    service = make(position_waits=1)
    tenant = service.tenant()
    service.fold()
    path = f"/tenants/{tenant.id}/summary"
    ahead = {"Min-Position": f"{shard_of(tenant.id)}-1000", "Prefer": "wait=5"}
    first = threading.Thread(target=lambda: Service(service.app).send("GET", path, headers=ahead))
    first.start()
    time.sleep(0.5)

    began = time.monotonic()
    refused = service.send("GET", path, headers=ahead)

    problem(refused, 503, "unavailable")
    assert "Retry-After" in refused.headers
    assert time.monotonic() - began < 3
    assert service.send("GET", path).status_code == 200
    first.join()
