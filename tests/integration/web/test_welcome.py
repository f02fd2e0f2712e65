"""``flask --app web welcome``: what is printed for who has just started the service works."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.web.service import Service, Tenant
from tests.integration.web.test_cli import flask


def welcomed(service: Service) -> dict[str, Any]:
    code, output = flask(service, "welcome", "--json")
    assert code == 0, output
    found: dict[str, Any] = json.loads(output)
    return found


def profile(service: Service, token: str) -> dict[str, Any]:
    """Ask who the holder of *token* is."""
    response = service.get("/users/profile", by=None, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200, response.text
    return dict(response.json)


def test_the_admin_of_the_token_is_an_active_user_with_that_role(service: Service, tenant: Tenant) -> None:
    # Given a tenant whose first users are pending and gone, and one of two active ones an admin
    tenant.user("pending")
    left = tenant.user("deactivated")
    ada, grace = tenant.user(), tenant.user()
    for user in (left, grace):
        service.send("PUT", f"/users/{user.id}/roles/admin", by=tenant.admin)

    tokens = welcomed(service)["tokens"]

    assert profile(service, tokens["user"])["id"] == ada.id
    assert profile(service, tokens["admin"])["id"] == grace.id
    created = service.send(
        "POST", "/workspaces", {"name": "First"}, by=None, headers={"Authorization": f"Bearer {tokens['admin']}"}
    )
    assert created.status_code == 201, created.text


def test_where_nobody_is_admin_the_token_makes_a_user_one(service: Service, tenant: Tenant) -> None:
    lost, ada = tenant.user(), tenant.user()
    service.send("PUT", f"/users/{ada.id}/roles/admin", by=tenant.admin)
    service.send("DELETE", f"/users/{ada.id}/roles/admin", by=tenant.admin)
    service.send("POST", f"/users/{lost.id}/deactivate", by=tenant.admin)

    tokens = welcomed(service)["tokens"]

    assert profile(service, tokens["admin"])["id"] == profile(service, tokens["user"])["id"] == ada.id


def test_users_that_were_never_activated_are_better_than_none(service: Service, tenant: Tenant) -> None:
    assert welcomed(service)["resident"] is None

    pending = tenant.user("pending")

    assert welcomed(service)["resident"] == {"tenant_id": tenant.id, "user_id": pending.id}
    assert profile(service, welcomed(service)["tokens"]["admin"])["id"] == pending.id
