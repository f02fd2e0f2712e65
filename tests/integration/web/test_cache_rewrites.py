"""Rows that change without an event at their position: the cache hears of it all the same."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from flask import Flask

from domain.bootstrap import bootstrap
from domain.model.actor import Actor
from domain.model.position import shard_of
from domain.settings import Settings
from tests.integration.web.cached import level, wait_for_l1
from tests.integration.web.service import Service, Tenant
from tests.stopwatch import Stopwatch
from web.app import create_app

#: Seconds that another process's memory may trail, at most.
TRAILS = 2.0


@pytest.fixture
def other(settings: Settings, app: Flask) -> Iterator[Service]:
    """Another process, which the first one hears through Redis alone."""
    container = bootstrap(settings)
    yield Service(create_app(container=container))
    container.close()


@pytest.fixture
def ada(service: Service, tenant: Tenant) -> Actor:
    """A user whose row has drifted, and whose wrong answer is cached on both levels."""
    ada = tenant.user()
    service.fold()
    with service.container.read_pool.cursor() as cursor:
        cursor.execute("UPDATE read_schema.user_projections SET first_name = 'Wrong' WHERE user_id = %s", (ada.id,))
    wait_for_l1(service, "/users/profile", ada)
    assert name_of(service, ada) == "Wrong"
    return ada


def name_of(service: Service, user: Actor) -> str:
    name: str = service.send("GET", "/users/profile", by=user).json["first_name"]
    return name


def wait_until_right(service: Service, user: Actor) -> None:
    deadline = time.monotonic() + TRAILS
    while name_of(service, user) != "Ada":
        assert time.monotonic() < deadline, "the old rows are still shown"
        time.sleep(0.01)


def test_a_cut_over_forgets_all_answers_from_before(service: Service, other: Service, ada: Actor) -> None:
    other.container.rebuilder.start("users")
    while other.container.rebuilder.drive("users"):
        pass

    wait_until_right(service, ada)
    wait_for_l1(service, "/users/profile", ada)


def test_a_repair_is_seen(service: Service, other: Service, ada: Actor) -> None:
    report = other.container.repair.repair("users", ada.tenant_id, ada.id)
    assert report["repaired"] == 1
    other.container.engine.catch_up(shard_of(ada.tenant_id))

    wait_until_right(service, ada)


def test_what_waits_too_long_to_be_told_turns_the_cache_off(service: Service, ada: Actor) -> None:
    """Whoever should have told may be gone; then nobody knows what has changed."""
    path = f"/users/{ada.id}"
    with service.container.read_pool.cursor() as cursor:
        cursor.execute(
            "UPDATE read_schema.projection_checkpoints SET pending_since = clock_timestamp() - interval '6 s' "
            "WHERE shard = %s",
            (shard_of(ada.tenant_id),),
        )

    with Stopwatch() as watch:
        while level(service, path) != "database":
            assert watch.seconds < 3
            time.sleep(0.02)

    status = service.send("GET", path).headers["Cache-Status"]
    assert status == "L2; fwd=bypass, L1; fwd=miss"
