"""Warm-ups over HTTP: asked for, driven, watched."""

from __future__ import annotations

import pytest

from domain.cache.keys import key_of
from tests.integration.web.cached import level
from tests.integration.web.service import Service, Tenant, problem

INVALIDATE = "/admin/cqrs/cache/invalidate"
WARMUP = "/admin/cqrs/cache/warmup"


@pytest.fixture
def ada(tenant: Tenant) -> str:
    return tenant.user().id


def test_a_warm_up_is_done_by_whoever_drives_it_and_can_be_watched(service: Service, tenant: Tenant, ada: str) -> None:
    service.fold()
    caching = service.container.caching
    for _ in range(5):
        service.send("GET", f"/users/{ada}")
    service.send("GET", f"/tenants/{tenant.id}/summary")
    caching.hot.tell()
    service.done("POST", INVALIDATE, {"pattern": "*"})

    asked = service.send("POST", WARMUP)
    assert asked.status_code == 202
    place = asked.headers["Location"].removeprefix("/api/v1")
    assert service.done("GET", place)["state"] == "waiting"
    assert caching.warm_ups.drive()
    assert not caching.warm_ups.drive()

    done = service.done("GET", place)
    assert (done["state"], done["done"]) == ("done", done["keys"])
    assert done["loaded"] >= 2
    # The hottest comes first, and afterwards what every client begins with.
    assert caching.warm_ups.keys(None, 1) == [f"user:{ada}:tenant:{tenant.id}:v:1"]
    for path in (f"/users/{ada}", f"/tenants/{tenant.id}/dashboard"):
        assert level(service, path) != "database"
    problem(service.send("GET", f"{WARMUP}/nothing"), 404, "warm_up_not_found")


def test_a_warm_up_of_one_tenant_loads_nothing_of_another(service: Service, tenant: Tenant, ada: str) -> None:
    other = service.tenant()
    grace = other.user().id
    service.fold()
    for id in (ada, grace):
        service.send("GET", f"/users/{id}")
    service.container.caching.hot.tell()

    keys = service.container.caching.warm_ups.keys(tenant.id, 100)

    assert any(ada in key for key in keys)
    assert all(tenant.id in key for key in keys)


def test_a_question_that_is_refused_is_none_that_a_warm_up_asks(service: Service, tenant: Tenant, ada: str) -> None:
    service.fold()
    caching = service.container.caching
    for _ in range(3):
        problem(service.send("GET", f"/users/tenant/{tenant.id}?cursor=none"), 422, "invalid")
    service.send("GET", f"/users/{ada}")
    caching.hot.tell()
    assert caching.warm_ups.keys(None, 1) == [f"user:{ada}:tenant:{tenant.id}:v:1"]

    # Nor does one that was counted by another release keep the others from being loaded.
    caching.hot.asked(*[key_of("users_of_tenant", tenant.id, cursor="none").text] * 9)
    caching.hot.tell()
    job = caching.warm_ups.ask("test")
    service.done("POST", INVALIDATE, {"pattern": "*"})
    assert caching.warm_ups.drive()

    done = caching.warm_ups.progress(job["id"])
    assert (done["state"], done["done"], done["error"]) == ("done", done["keys"], None)
    assert level(service, f"/users/{ada}") != "database"


def test_one_runner_at_a_time(service: Service, tenant: Tenant) -> None:
    """A runner that another one has taken over from stops."""
    service.fold()
    warm_ups = service.container.caching.warm_ups
    job = warm_ups.ask("test")
    runner = "cache:{all}:warmup:runner"
    warm_ups._client.set(runner, "another")

    assert not warm_ups.drive()
    assert warm_ups.progress(job["id"])["state"] == "waiting"
    # As if its time had passed.
    warm_ups._client.delete(runner)
    assert warm_ups.drive()
    assert warm_ups.progress(job["id"])["state"] == "done"
