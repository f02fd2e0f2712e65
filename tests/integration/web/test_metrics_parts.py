"""Which parts of the service are up, and that one which is not keeps nobody from the others' numbers."""

from __future__ import annotations

import threading
import time

import pytest
from prometheus_client import Metric

from tests.integration.web.scraped import families, value
from tests.integration.web.service import Make, Service, Tenant
from web import asking
from web.metrics import parts


def ups(service: Service) -> dict[str, float]:
    return {sample.labels["part"]: sample.value for sample in families(service)["cqrs_up"].samples}


def test_all_parts_are_up(service: Service) -> None:
    assert ups(service) == dict.fromkeys(parts.COLLECTORS, 1.0)


def test_without_redis_the_rest_is_told_and_no_sum_falls(make: Make, tenant: Tenant) -> None:
    service = make(redis_url="redis://127.0.0.1:1", cache_redis_url="redis://127.0.0.1:1")
    service.send("GET", f"/tenants/{tenant.id}/summary")

    assert ups(service) == {**dict.fromkeys(parts.COLLECTORS, 1.0), "cache": 0.0, "broker": 0.0}
    assert value(service, "cqrs_projection_lag_events", projection="users") == 1
    # What one process has counted would be read as a counter that began anew.
    assert "cqrs_http_request_duration_seconds" not in families(service)


def test_without_a_database_the_rest_is_told(make: Make) -> None:
    service = make(database_url="postgresql://nobody@127.0.0.1:1/nothing")

    assert ups(service) == {**dict.fromkeys(parts.COLLECTORS, 1.0), "write_database": 0.0, "projections": 0.0}
    assert value(service, "cqrs_database_errors_total", pool="write", error="connection") is not None


def test_a_part_that_hangs_is_down_and_is_not_asked_again_meanwhile(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, lets_go = [], threading.Event()

    def hangs(_container: object) -> list[Metric]:
        asked.append(1)
        lets_go.wait(30)
        return []

    monkeypatch.setitem(parts.COLLECTORS, "broker", hangs)
    monkeypatch.setattr(asking, "PATIENCE", 0.5)

    # A machine that is busy may not ask even the others in that time, the first time.
    deadline, found = time.monotonic() + 20, [ups(service), ups(service)]
    while not found[-1]["cache"] == found[-1]["write_database"] == 1.0:
        assert time.monotonic() < deadline
        found.append(ups(service))

    assert ({each["broker"] for each in found}, len(asked)) == ({0.0}, 1)
    lets_go.set()
    deadline = time.monotonic() + 30
    while ups(service)["broker"] != 1.0:
        assert time.monotonic() < deadline


def test_an_answer_of_a_part_is_told_to_each_who_looks(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two who look at the same time are given the same, and what is told of several parts is put together for each."""
    one, other = (Metric("cqrs_shared", "A test", "gauge") for _ in range(2))
    one.add_sample("cqrs_shared", {"part": "one"}, 1.0)
    other.add_sample("cqrs_shared", {"part": "other"}, 1.0)
    monkeypatch.setitem(parts.COLLECTORS, "broker", lambda _: [one])
    monkeypatch.setitem(parts.COLLECTORS, "query_database", lambda _: [other])

    for _ in range(2):
        assert [sample.labels["part"] for sample in families(service)["cqrs_shared"].samples] == ["one", "other"]
