"""Commands about tenants."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.web.service import Service, Tenant, problem

ACME = {"name": "Acme", "slug": "acme", "plan": "free"}


def test_a_tenant_is_created(service: Service) -> None:
    response = service.send("POST", "/tenants", ACME)

    assert response.status_code == 201
    id, position = response.json["id"], response.json["position"]
    assert response.json == {"id": id, "version": 1, "position": position}
    assert response.headers["Location"] == f"/api/v1/tenants/{id}/summary"
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Event-Position"] == position
    summary = service.get(f"/tenants/{id}/summary").json
    assert (summary["name"], summary["slug"], summary["plan_type"]) == ("Acme", "acme", "free")
    assert summary["quotas"] == {"users": 5, "workspaces": 3}


def test_a_custom_plan_brings_its_quotas(service: Service) -> None:
    created = service.done("POST", "/tenants", ACME | {"plan": "custom", "quotas": {"users": 7, "workspaces": 2}})

    summary = service.get(f"/tenants/{created['id']}/summary").json
    assert (summary["plan_type"], summary["quotas"]) == ("custom", {"users": 7, "workspaces": 2})


def test_a_slug_is_taken_once(service: Service) -> None:
    service.done("POST", "/tenants", ACME)

    problem(service.send("POST", "/tenants", ACME | {"name": "Other"}), 409, "slug_taken")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "Acme"}, "slug"),
        ({"slug": "ab"}, "slug"),
        ({"slug": "a" * 51}, "slug"),
        ({"slug": None}, "slug"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": 5}, "name"),
        ({"plan": "gold"}, "plan"),
        ({"plan": ["free"]}, "plan"),
        ({"plan": "custom"}, "quotas"),
        ({"quotas": {"users": 1, "workspaces": 1}}, "quotas"),
        ({"plan": "custom", "quotas": {"users": 0, "workspaces": 1}}, "quotas.users"),
        ({"plan": "custom", "quotas": {"users": True, "workspaces": 1}}, "quotas.users"),
        ({"plan": "custom", "quotas": {"users": 10**18, "workspaces": 1}}, "quotas.users"),
        ({"plan": "custom", "quotas": {"users": 1}}, "quotas.workspaces"),
        ({"plan": "custom", "quotas": {"users": 1, "workspaces": 1, "x": 1}}, "quotas.x"),
        ({"plan": "custom", "quotas": 5}, "quotas"),
        ({"color": "red"}, "color"),
    ],
)
def test_what_is_not_valid_is_refused_by_field(service: Service, changes: dict[str, Any], field: str) -> None:
    document = problem(
        service.send("POST", "/tenants", ACME | changes),
        422,
        "invalid" if field == "quotas" and changes.get("quotas") != 5 else "validation_failed",
    )

    assert list(document["errors"]) == [field]


def test_a_tenant_is_renamed(service: Service, tenant: Tenant) -> None:
    assert service.done("PATCH", f"/tenants/{tenant.id}", {"name": "New"})["version"] == 2

    assert service.get(f"/tenants/{tenant.id}/summary").json["name"] == "New"


def test_nothing_to_change_is_no_new_version(service: Service, tenant: Tenant) -> None:
    first = service.done("PATCH", f"/tenants/{tenant.id}", {"name": "New"})

    assert service.done("PATCH", f"/tenants/{tenant.id}", {"name": "New"}) == first


def test_a_plan_is_changed(service: Service, tenant: Tenant) -> None:
    service.done("PUT", f"/tenants/{tenant.id}/plan", {"plan": "enterprise"})

    summary = service.get(f"/tenants/{tenant.id}/summary").json
    assert (summary["plan_type"], summary["quotas"]) == ("enterprise", {"users": 1000, "workspaces": 500})


def test_a_plan_smaller_than_the_use_is_refused(service: Service, tenant: Tenant) -> None:
    for _ in range(6):
        tenant.user("pending")

    problem(service.send("PUT", f"/tenants/{tenant.id}/plan", {"plan": "free"}), 409, "plan_too_small")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "", ACME), ("PATCH", "/{tenant}", {"name": "New"}), ("PUT", "/{tenant}/plan", {"plan": "starter"})],
)
def test_only_a_super_admin_may(service: Service, tenant: Tenant, method: str, path: str, body: Any) -> None:
    path = f"/tenants{path.format(tenant=tenant.id)}"

    problem(service.send(method, path, body, by=tenant.admin), 403, "forbidden")
    problem(service.send(method, path, body, by=tenant.actor("someone")), 403, "forbidden")
    problem(service.send(method, path, body, by=None), 401, "unauthenticated")


@pytest.mark.parametrize("id", ["00000000-0000-4000-8000-000000000000", "acme", "%00"])
@pytest.mark.parametrize(
    ("method", "path", "body"), [("PATCH", "/{}", {"name": "New"}), ("PUT", "/{}/plan", {"plan": "starter"})]
)
def test_a_tenant_that_is_not_there(service: Service, method: str, path: str, body: Any, id: str) -> None:
    problem(service.send(method, f"/tenants{path.format(id)}", body), 404, "tenant_not_found")
