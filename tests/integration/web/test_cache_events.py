"""The table of events and tags against reality: what any event changes is seen in every answer that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask import Flask

from domain.bootstrap import bootstrap
from domain.cache import tags
from domain.model.actor import Actor
from domain.model.tenants.commands import CreateTenant
from domain.settings import Settings
from domain.write.outcome import Metadata
from tests.integration.web.cached import PATHS, Asked, wait_for_l1
from tests.integration.web.service import ROOT, Service, Tenant
from tests.stopwatch import Stopwatch
from web.app import create_app

#: Seconds that another process's memory may trail an invalidation that has ended, at most.
TRAILS = 2.0


@pytest.fixture
def other(settings: Settings, app: Flask) -> Iterator[Service]:
    """Another process: what it folds, the first one hears through Redis alone."""
    container = bootstrap(settings)
    yield Service(create_app(container=container))
    container.close()


class Life:
    """What happens in a tenant: a command for each type of event, in an order in which they may come."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.ada = tenant.user()
        self.bob = tenant.user("pending")
        self.cleo = str(uuid4())
        self.workspace = tenant.workspace(self.ada)

    def events(self) -> dict[str, tuple[str, str, object, Actor]]:
        admin, ada, bob = self.tenant.admin, self.ada, self.bob
        room, people = f"/workspaces/{self.workspace}", f"/users/{self.ada.id}"
        body = {"email": "cleo@example.com", "first_name": "Cleo", "last_name": "C"}
        return {
            "tenant.updated": ("PATCH", f"/tenants/{self.tenant.id}", {"name": "Renamed"}, ROOT),
            "tenant.plan_changed": ("PUT", f"/tenants/{self.tenant.id}/plan", {"plan": "enterprise"}, ROOT),
            "user.registered": ("POST", "/users", body, admin),
            "user.activated": ("POST", f"/users/{bob.id}/activate", None, admin),
            "workspace.member_added": ("POST", f"{room}/members", {"user_id": bob.id, "role": "viewer"}, ada),
            "workspace.member_role_changed": ("PATCH", f"{room}/members/{bob.id}", {"role": "admin"}, ada),
            "user.updated": ("PATCH", people, {"first_name": "Augusta", "timezone": "Europe/Paris"}, ada),
            "user.role_changed": ("PUT", f"{people}/roles/admin", None, ROOT),
            "workspace.updated": ("PATCH", room, {"name": "Renamed", "settings": {"a": 1}}, ada),
            "workspace.member_removed": ("DELETE", f"{room}/members/{bob.id}", None, ada),
            "workspace.created": ("POST", "/workspaces", {"name": "Another"}, ada),
            "user.deactivated": ("POST", f"/users/{bob.id}/deactivate", {"reason": "left"}, admin),
            "workspace.deleted": ("DELETE", room, None, ada),
        }


def test_every_answer_shows_every_event_and_never_goes_back(service: Service, other: Service) -> None:
    tenant = service.tenant()
    life = Life(tenant)
    # Before a tenant is created there is nothing of it to be seen but that: see below.
    assert life.events().keys() == tags.EVENT_TAGS.keys() - {"tenant.created"}
    other.fold()
    for event, command in life.events().items():
        # About the user who is in the command too, as far as there are two.
        subject = life.bob if event in ("user.activated", "user.deactivated") else life.ada
        asked = [Asked(name, tenant.id, subject.id, life.workspace) for name in PATHS]
        for each in asked:
            wait_for_l1(service, each.path, subject)
        before = {each.name: each.truth(other.container) for each in asked}

        method, path, body, actor = command
        position = other.done(method, path, body, by=actor)["position"]
        other.fold()

        after = {each.name: each.truth(other.container) for each in asked}
        assert before != after, f"{event} changes nothing, so there is nothing to see"
        with Stopwatch() as watch:
            for each in asked:
                where = f"{each.name} after {event}"
                assert each.shown(service, subject, **{"Min-Position": position}) == after[each.name], where
                assert each.shown(service, subject) == after[each.name], where
                assert each.shown(other, subject) == after[each.name], where
        assert watch.seconds < TRAILS


def test_what_nobody_asks_the_position_of_trails_a_moment_and_never_goes_back(
    service: Service, other: Service, tenant: Tenant
) -> None:
    ada = tenant.user()
    workspace = tenant.workspace(ada)
    other.fold()
    asked = [Asked(name, tenant.id, ada.id, workspace) for name in ("user", "users", "members", "workspace")]
    trailed = []
    for number in range(20):
        for each in asked:
            wait_for_l1(service, each.path, ada)
        old = {each.name: each.truth(other.container) for each in asked}
        other.done("PATCH", f"/users/{ada.id}", {"first_name": f"Ada {number}"}, by=ada)
        other.fold()
        new = {each.name: each.truth(other.container) for each in asked}
        fresh: set[str] = set()
        with Stopwatch() as watch:
            while len(fresh) < len(asked):
                for each in asked:
                    shown = each.shown(service, ada)
                    if each.name in fresh:
                        assert shown == new[each.name], f"{each.name} went back"
                    elif shown == new[each.name]:
                        fresh.add(each.name)
                        trailed.append(watch.seconds)
                    else:
                        assert shown == old[each.name]
                assert watch.seconds < TRAILS
    print(f"\ntrailed: median {sorted(trailed)[len(trailed) // 2] * 1000:.1f} ms, longest {max(trailed) * 1000:.1f} ms")


def test_a_tenant_is_there_as_soon_as_it_is_folded(service: Service, other: Service) -> None:
    """That there was no such tenant is kept too, and forgotten with the event that makes it."""
    id = str(uuid4())
    asked = [Asked(name, id, str(uuid4()), str(uuid4())) for name in ("users", "workspaces", "summary", "dashboard")]
    for each in asked:
        # The first calls to Redis may be too slow for anything to be kept.
        assert [each.shown(service, ROOT) for _ in range(4)] == [None] * 4
    counters = service.container.caching.stats()["counters"]
    assert sum(cells.get("absent_hit", 0) for level in ("l1", "l2") for cells in counters.get(level, {}).values()) >= 4

    command = CreateTenant(tenant_id=id, actor=ROOT, name="New", slug=f"new-{id[:8]}", plan="starter")
    position = str(other.container.command_bus.execute(command, metadata=Metadata(correlation_id="t")).position)
    other.fold()

    for each in asked:
        assert each.shown(service, ROOT, **{"Min-Position": position}) is not None
        assert each.shown(service, ROOT) is not None


def test_a_parked_aggregate_is_told_of_even_where_an_answer_is_cached(service: Service, tenant: Tenant) -> None:
    """The position of a cached answer alone would not tell."""
    ada = tenant.user()
    service.fold()
    path = f"/users/{ada.id}"
    wait_for_l1(service, path)
    position = service.send("GET", path).headers["Event-Position"]
    shard, _, offset = position.partition("-")
    with service.container.read_pool.cursor() as cursor:
        cursor.execute(
            "INSERT INTO read_schema.parked_aggregates (projection, shard, tenant_id, aggregate_id, from_position, "
            "aggregate_type, event_type, version, error_class, error_text, error_trace, attempts, parked_at, "
            "last_attempt_at, next_attempt_at) VALUES ('users', %s, %s, %s, %s, 'user', 'user.updated', 9, 'X', "
            "'x', '', 1, now(), now(), now() + interval '1 hour')",
            (int(shard), tenant.id, ada.id, int(offset)),
        )

    response = service.send("GET", path, headers={"Min-Position": position})

    assert (response.status_code, response.json["code"]) == (503, "aggregate_parked")
    assert service.send("GET", path).status_code == 200
