"""What the headers of an answer say: where it came from, and who else may keep it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.bootstrap import bootstrap
from domain.model.actor import Actor
from domain.settings import Settings
from domain.variables import Strategies
from tests.integration.web.cached import wait_for_l1
from tests.integration.web.service import Service, Tenant
from tests.stopwatch import Stopwatch
from web.app import create_app
from web.tokens import make_token
from workers.launcher.valkey import EmbeddedValkey


@pytest.fixture
def ada(service: Service, tenant: Tenant) -> Actor:
    ada = tenant.user()
    service.fold()
    wait_for_l1(service, "/users/profile", ada)
    return ada


@pytest.mark.parametrize("where", ["L1", "L2", "database"])
def test_the_headers_say_where_an_answer_came_from(service: Service, ada: Actor, where: str) -> None:
    caching = service.container.caching
    if where != "L1":
        caching.cache.l1.empty()
    if where == "database":
        caching.invalidator.renew_all()

    response = service.send("GET", "/users/profile", by=ada)

    assert response.headers["Server-Timing"].startswith(f'answer;desc="{where}";dur=')
    expected = {"L1": "L1; hit; ttl=", "L2": "L2; hit; ttl=", "database": "L2; fwd=miss, L1; fwd=miss"}
    assert response.headers["Cache-Status"].startswith(expected[where])
    again = service.send("GET", "/users/profile", by=ada, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.headers["Event-Position"]) == (304, response.headers["Event-Position"])
    assert {"Cache-Status", "Server-Timing", "Cache-Control", "Vary", "ETag"} <= set(again.headers.keys())


def test_with_an_edge_answers_carry_their_tags(settings: Settings, service: Service, tenant: Tenant) -> None:
    service.container.settings = replace(settings, edge_cache=True, edge_max_age=30)
    ada = tenant.user()
    service.fold()

    response = service.send("GET", f"/users/{ada.id}", by=ada)

    assert response.headers["CDN-Cache-Control"] == "max-age=30"
    tags = ["all", f"tenant:{tenant.id}", f"class:user:{tenant.id}", f"user:{ada.id}"]
    assert response.headers["Surrogate-Key"].split(" ") == tags
    assert response.headers["Cache-Tag"].split(",") == tags
    assert {"Authorization", "Min-Position"} <= {name.strip() for name in response.headers["Vary"].split(",")}
    # What doesn't exist, and what is loaded past the cache, is kept nowhere.
    missing = service.send("GET", f"/users/{tenant.id}", by=ada)
    assert (missing.status_code, missing.headers["Cache-Control"]) == (404, "no-store")
    service.container.caching.cache.health.readable = False
    bypassed = service.send("GET", f"/users/{ada.id}", by=ada)
    assert bypassed.headers["CDN-Cache-Control"] == "no-store"
    assert "Surrogate-Key" not in bypassed.headers


def test_an_answer_at_the_edge_ends_with_the_token(settings: Settings, service: Service, tenant: Tenant) -> None:
    service.container.settings = replace(settings, edge_cache=True, edge_max_age=30)
    ada = tenant.user()
    service.fold()
    token = make_token(settings, user_id=ada.id, tenant_id=tenant.id, roles=["user"], seconds=10)

    response = service.send("GET", "/users/profile", by=None, headers={"Authorization": f"Bearer {token}"})

    assert 7 <= int(response.headers["CDN-Cache-Control"].removeprefix("max-age=")) <= 10


def test_a_command_that_folds_itself_does_not_wait_for_a_redis_that_hangs(
    settings: Settings, redis_server: EmbeddedValkey
) -> None:
    """What the cache was not told then, it is told later."""
    strategy = Strategies("sync")
    own = replace(settings, cache_redis_url=redis_server.url, projection_strategy=strategy)
    container = bootstrap(own)
    service = Service(create_app(container=container))
    tenant = service.tenant()
    ada = tenant.user()
    service.send("GET", f"/users/{ada.id}")
    redis_server.freeze()
    try:
        with Stopwatch() as watch:
            for number in range(3):
                service.done("PATCH", f"/users/{ada.id}", {"first_name": f"Ada {number}"}, by=ada)
    finally:
        redis_server.resume()
    assert watch.seconds < 1.5
    service.fold()
    assert service.send("GET", f"/users/{ada.id}").json["first_name"] == "Ada 2"
    container.close()
