"""The service as its clients see it, in the words of the domain."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from flask import Flask
from werkzeug.test import TestResponse

from domain.bootstrap import Container
from domain.model.actor import Actor
from web.context import EXTENSION
from web.tokens import make_token

ROOT = Actor(id="root", tenant_id=None, roles=frozenset({"user", "super_admin"}))

#: Seconds of a window of a rate limit that ends during no test: the next one begins in 2033.
WINDOW = 10**9

_numbers = itertools.count(1)


class Service:
    """Sends requests with tokens, and folds events when it is told to."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.container: Container = app.extensions[EXTENSION]
        self._client = app.test_client()

    def send(
        self, method: str, path: str, body: Any = None, *, by: Actor | None = ROOT, **options: Any
    ) -> TestResponse:
        """Send a request *by* an actor, or without a token. Paths begin after /api/v1."""
        headers = dict(options.pop("headers", {}))
        if by is not None:
            headers.setdefault("Authorization", f"Bearer {self.token(by)}")
        if body is not None:
            options["json"] = body
        return self._client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def token(self, actor: Actor) -> str:
        return make_token(
            self.container.settings, user_id=actor.id, tenant_id=actor.tenant_id, roles=actor.roles, seconds=3600
        )

    def get(self, path: str, **options: Any) -> TestResponse:
        """Ask a query after all events have been folded."""
        self.fold()
        return self.send("GET", path, **options)

    def done(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Send a command that has to succeed; return its answer."""
        response = self.send(*arguments, **options)
        assert response.status_code in (200, 201), response.text
        answer: dict[str, Any] = response.json or {}
        return answer

    def fold(self) -> None:
        """Bring the read models up to the events."""
        for shard in self.container.event_store.heads():
            # A machine that runs all tests at once may need more than one turn for thousands of events.
            while (progress := self.container.engine.catch_up(shard)).applied:
                assert not progress.failed

    def tenant(self, plan: str = "professional", **more: Any) -> Tenant:
        slug = f"tenant-{next(_numbers)}"
        created = self.done("POST", "/tenants", {"name": slug.title(), "slug": slug, "plan": plan, **more})
        return Tenant(self, created["id"], slug)


#: What the fixture make gives: it makes services with changed settings.
Make = Callable[..., Service]


@dataclass
class Tenant:
    """A tenant that exists, with an admin who isn't one of its users."""

    service: Service
    id: str
    slug: str
    admin: Actor = field(init=False)

    def __post_init__(self) -> None:
        self.admin = self.actor(str(uuid4()), "admin")

    def actor(self, id: str, *roles: str) -> Actor:
        return Actor(id, self.id, frozenset({"user", *roles}))

    def user(self, status: str = "active", **changes: str) -> Actor:
        """Register a user and bring it to *status*."""
        body = {"email": f"user{next(_numbers)}@example.com", "first_name": "Ada", "last_name": "Lovelace"} | changes
        id = self.service.done("POST", "/users", body, by=self.admin)["id"]
        if status != "pending":
            self.service.done("POST", f"/users/{id}/activate", by=self.admin)
        if status == "deactivated":
            self.service.done("POST", f"/users/{id}/deactivate", {"reason": "left"}, by=self.admin)
        return self.actor(id)

    def workspace(self, owner: Actor, members: dict[str, str] | None = None, **changes: Any) -> str:
        """Create a workspace with *members*: their ids and roles."""
        body = {"name": f"Workspace {next(_numbers)}"} | changes
        id: str = self.service.done("POST", "/workspaces", body, by=owner)["id"]
        for user_id, role in (members or {}).items():
            self.service.done("POST", f"/workspaces/{id}/members", {"user_id": user_id, "role": role}, by=owner)
        return id


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Assert that *response* is that problem document; return it."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    document: dict[str, Any] = response.json or {}
    assert document["status"] == status
    assert document["code"] == code, document
    assert document["type"].endswith(code)
    assert {"title", "detail"} <= set(document) <= {"type", "title", "status", "detail", "code", "errors"}
    return document
