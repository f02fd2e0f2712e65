"""What the service is compared with does the same work: it answers alike, and keeps the same rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from domain.model.actor import Actor
from domain.settings import Settings
from tests.integration.web.service import Service, Tenant
from tests.performance.traditional.equality import Differs, check
from tests.performance.traditional.filling import fill
from tests.performance.traditional.wiring import orm, sql


@dataclass
class World:
    tenant: Tenant
    admin: Actor
    people: list[Actor]
    workspace: str
    other: Tenant


@pytest.fixture
def world(service: Service, settings: Settings) -> World:
    """A tenant with users of every kind and a workspace, and another one; then the tables filled from it."""
    tenant, other = service.tenant("custom", quotas={"users": 6, "workspaces": 3}), service.tenant()
    people = [tenant.user() for _ in range(3)] + [tenant.user("pending")]
    service.done("PUT", f"/users/{people[0].id}/roles/admin", by=tenant.admin)
    service.done("PATCH", f"/users/{people[1].id}", {"avatar": "https://a.example/b", "timezone": "Asia/Tokyo"},
                 by=people[1])  # fmt: skip
    workspace = tenant.workspace(people[0], {people[1].id: "admin"}, description="é", settings={"a": [1, None]})
    gone = tenant.workspace(people[0])
    service.done("DELETE", f"/workspaces/{gone}", by=people[0])
    other.workspace(other.user("active"))
    service.fold()
    fill(settings.database_url)
    return World(tenant, tenant.actor(people[0].id, "admin"), people, workspace, other)


@pytest.fixture(params=[orm, sql])
def traditional(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    made: tuple[Flask, Any] = request.param(settings)
    app, close = made
    yield app
    close()


def send(service: Service, app: Flask, method: str, path: str, by: Actor, body: Any = None) -> TestResponse:
    headers = {"Authorization": f"Bearer {service.token(by)}"}
    options = {} if body is None else {"json": body}
    return app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **options)


def test_it_answers_alike(service: Service, world: World, traditional: Flask):
    tenant, by = world.tenant, world.admin
    questions = [
        "/users/profile", f"/users/{world.people[1].id}", f"/users/{world.people[3].id}",
        f"/users/tenant/{tenant.id}", f"/users/tenant/{tenant.id}?active_only=true",
        f"/users/tenant/{tenant.id}?limit=2", f"/users/tenant/{tenant.id}?limit=1&offset=1",
        f"/workspaces/{world.workspace}", f"/workspaces/tenant/{tenant.id}",
        f"/workspaces/{world.workspace}/members", f"/workspaces/{world.workspace}/members?limit=1",
        f"/tenants/{tenant.id}/summary", f"/tenants/{tenant.id}/dashboard",
    ]  # fmt: skip
    for question in questions:
        ours = service.send("GET", question, by=by)
        assert ours.status_code == 200
        theirs = send(service, traditional, "GET", question, by)
        check(question, ours.data, theirs.data, traditional.name)
        # The next page, where there is one
        if cursor := (ours.json or {}).get("pagination", {}).get("next_cursor"):
            onward = f"{question.partition('?')[0]}?limit=1&cursor={cursor}"
            ours, theirs = service.send("GET", onward, by=by), send(service, traditional, "GET", onward, by)
            check(onward, ours.data, theirs.data, traditional.name)


def test_it_shows_no_other_tenant(service: Service, world: World, traditional: Flask):
    stranger = world.other.actor(world.people[0].id, "admin")
    for question in (
        f"/users/{world.people[1].id}", f"/users/tenant/{world.tenant.id}", f"/workspaces/{world.workspace}",
        f"/workspaces/tenant/{world.tenant.id}", f"/workspaces/{world.workspace}/members",
        f"/tenants/{world.tenant.id}/summary", f"/tenants/{world.tenant.id}/dashboard",
    ):  # fmt: skip
        assert send(service, traditional, "GET", question, stranger).status_code == 404, question
    assert traditional.test_client().get("/api/v1/users/profile").status_code == 401


def test_a_difference_is_seen():
    check("?", b'{"at": "2026-01-01T00:00:00.5+00:00"}', b'{"at": "2026-01-01T00:00:00.500000+00:00"}', "it")
    for other in (b'{"a": 1}', b'{"b": 2, "a": 2}', b'{"a": 2}'):
        with pytest.raises(Differs):
            check("?", b'{"a": 2, "b": 2}', other, "it")


def test_it_keeps_the_rules(service: Service, world: World, traditional: Flask):
    """The same commands, to both, have the same outcome, and then both show the same."""
    ada, bo, cy, pending = world.people
    clone = {"email": "new@example.com", "first_name": "New", "last_name": "One"}

    def both(method: str, path: str, by: Actor, body: Any) -> str:
        ours = service.send(method, path, body, by=by)
        theirs = send(service, traditional, method, path, by, body)
        assert theirs.status_code == ours.status_code, f"{ours.text}\n{theirs.text}"
        if ours.status_code >= 400:
            assert (theirs.json or {})["code"] == (ours.json or {})["code"]
            return str((ours.json or {})["code"])
        assert (theirs.json or {})["version"] == (ours.json or {})["version"]
        return "done"

    outcomes = [
        both("POST", "/users", bo, clone),
        both("POST", "/users", world.admin, clone),
        both("POST", "/users", world.admin, clone | {"email": "NEW@example.com"}),
        both("POST", "/users", world.admin, clone | {"email": "last@example.com"}),
        both("POST", "/users", world.admin, clone | {"email": "many@example.com"}),
        both("PATCH", f"/users/{bo.id}", bo, {"first_name": "Bo"}),
        both("PATCH", f"/users/{bo.id}", bo, {"first_name": "Bo"}),
        both("PATCH", f"/users/{bo.id}", cy, {"first_name": "Bo"}),
        both("PATCH", f"/users/{pending.id}", world.admin, {"first_name": "Bo"}),
        both("PATCH", f"/users/{bo.id}", world.other.admin, {"first_name": "Bo"}),
        both("PATCH", f"/users/{bo.id}", bo, {"shoe_size": 44}),
        both("POST", f"/workspaces/{world.workspace}/members", cy, {"user_id": cy.id, "role": "member"}),
        both("POST", f"/workspaces/{world.workspace}/members", bo, {"user_id": cy.id, "role": "owner"}),
        both("POST", f"/workspaces/{world.workspace}/members", bo, {"user_id": pending.id, "role": "member"}),
        both("POST", f"/workspaces/{world.workspace}/members", bo, {"user_id": world.workspace, "role": "member"}),
        both("POST", f"/workspaces/{world.workspace}/members", bo, {"user_id": cy.id, "role": "member"}),
        both("POST", f"/workspaces/{world.workspace}/members", ada, {"user_id": cy.id, "role": "member"}),
        both("POST", "/workspaces", pending, {"name": "Mine"}),
        both("POST", "/workspaces", bo, {"name": "Mine"}),
        both("POST", "/workspaces", bo, {"name": "Mine"}),
        both("POST", "/workspaces", bo, {"name": "Ours", "settings": {"a": 1}, "is_public": True}),
        both("POST", "/workspaces", bo, {"name": "One too many"}),
    ]
    assert outcomes == [
        "forbidden", "done", "email_taken", "done", "quota_exceeded",
        "done", "done", "forbidden", "user_not_active", "user_not_found", "validation_failed",
        "forbidden", "forbidden", "user_not_active", "member_user_not_found", "done", "already_member",
        "creator_not_active", "done", "workspace_name_taken", "done", "quota_exceeded",
    ]  # fmt: skip
    service.fold()
    path = f"/workspaces/{world.workspace}"
    ours = service.send("GET", path, by=ada).json or {}
    theirs = send(service, traditional, "GET", path, ada).json or {}
    assert (ours["member_count"], ours["event_version"]) == (theirs["member_count"], theirs["event_version"]) == (3, 3)
