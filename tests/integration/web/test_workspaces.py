"""Commands about workspaces and their members."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.web.service import ROOT, Service, Tenant, problem

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_a_workspace_is_created_by_its_owner(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    body = {"name": "Plans", "description": "All\nof them", "is_public": True, "settings": {"a": [1, {"b": None}]}}

    response = service.send("POST", "/workspaces", body, by=ada)

    assert response.status_code == 201
    id = response.json["id"]
    assert response.headers["Location"] == f"/api/v1/workspaces/{id}"
    workspace = service.get(f"/workspaces/{id}", by=ada).json
    assert {name: workspace[name] for name in body} == body
    assert (workspace["owner_id"], workspace["member_count"]) == (ada.id, 1)
    assert [(member["user_id"], member["role"]) for member in workspace["members"]] == [(ada.id, "owner")]


def test_only_an_active_user_of_the_tenant_creates(service: Service, tenant: Tenant) -> None:
    body = {"name": "Plans"}

    for actor in (tenant.user("pending"), tenant.user("deactivated"), tenant.admin, tenant.actor("robot")):
        problem(service.send("POST", "/workspaces", body, by=actor), 403, "creator_not_active")
    problem(service.send("POST", "/workspaces", body, by=ROOT), 403, "forbidden")
    problem(service.send("POST", "/workspaces", body, by=None), 401, "unauthenticated")


def test_who_is_deactivated_changes_nothing_any_more(service: Service, tenant: Tenant) -> None:
    ada, bob, cleo = tenant.user(), tenant.user(), tenant.user("pending")
    path = f"/workspaces/{tenant.workspace(ada, {bob.id: 'owner'})}"
    ada_as_admin = tenant.actor(ada.id, "admin")
    service.done("POST", f"/users/{ada.id}/deactivate", {"reason": "left"}, by=tenant.admin)
    body = {"email": "eve@example.com", "first_name": "Eve", "last_name": "L"}

    for method, where, content in (
        ("PATCH", path, {"name": "x"}),
        ("DELETE", path, None),
        ("POST", f"{path}/members", {"user_id": cleo.id, "role": "viewer"}),
        ("POST", f"{path}/members", {"user_id": ada.id, "role": "viewer"}),
        ("PATCH", f"{path}/members/{bob.id}", {"role": "viewer"}),
        ("DELETE", f"{path}/members/{bob.id}", None),
        ("DELETE", f"{path}/members/{ada.id}", None),
        ("POST", f"/users/{ada.id}/activate", None),
        ("POST", f"/users/{cleo.id}/activate", None),
        ("PATCH", f"/users/{bob.id}", {"first_name": "Rob"}),
        ("PUT", f"/users/{bob.id}/roles/admin", None),
        ("POST", "/users", body),
    ):
        problem(service.send(method, where, content, by=ada_as_admin), 403, "sender_deactivated")
    problem(service.send("PATCH", path, {"name": "x"}, by=ada), 403, "sender_deactivated")

    service.done("POST", f"/users/{ada.id}/activate", by=tenant.admin)
    service.done("PATCH", path, {"name": "x"}, by=ada)


def test_a_name_is_taken_once_among_the_living(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    id = tenant.workspace(ada, name="Plans")

    problem(service.send("POST", "/workspaces", {"name": "Plans"}, by=ada), 409, "workspace_name_taken")

    service.done("DELETE", f"/workspaces/{id}", by=ada)
    tenant.workspace(ada, name="Plans")


def test_a_plan_holds_to_the_last_workspace(service: Service) -> None:
    free = service.tenant("free")
    ada = free.user()
    for _ in range(3):
        free.workspace(ada)

    problem(service.send("POST", "/workspaces", {"name": "One more"}, by=ada), 409, "quota_exceeded")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"description": "x" * 2001}, "description"),
        ({"description": 5}, "description"),
        ({"is_public": "true"}, "is_public"),
        ({"is_public": 1}, "is_public"),
        ({"settings": []}, "settings"),
        ({"settings": {"a": "x" * 17_000}}, "settings"),
        ({"settings": {"a": [[[[[[[[[[[1]]]]]]]]]]]}}, "settings"),
        ({"settings": {"a\0": 1}}, "settings"),
        ({"settings": {"a": 1e300}}, "settings"),
        ({"settings": None}, "settings"),
        ({"owner_id": NOBODY}, "owner_id"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_is_not_valid_is_refused_by_field(
    service: Service, tenant: Tenant, method: str, changes: dict[str, Any], field: str
) -> None:
    ada = tenant.user()
    path = "/workspaces" if method == "POST" else f"/workspaces/{tenant.workspace(ada)}"
    body = changes if method == "PATCH" else {"name": "Plans"} | changes

    document = problem(service.send(method, path, body, by=ada), 422, "validation_failed")

    assert list(document["errors"]) == [field]


def test_a_workspace_is_changed(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    path = f"/workspaces/{tenant.workspace(ada)}"
    changes = {"name": "Other", "description": "", "is_public": True, "settings": {"b": 2}}

    changed = service.done("PATCH", path, changes, by=ada)

    assert service.done("PATCH", path, changes, by=ada) == changed
    assert service.done("PATCH", path, {}, by=ada) == changed
    workspace = service.get(path, by=ada).json
    assert {name: workspace[name] for name in changes} == changes


def test_after_deletion_every_command_is_refused(service: Service, tenant: Tenant) -> None:
    ada, bob = tenant.user(), tenant.user()
    path = f"/workspaces/{tenant.workspace(ada, {bob.id: 'member'})}"

    service.done("DELETE", path, by=ada)

    for method, below, body in (
        ("DELETE", "", None),
        ("PATCH", "", {"name": "x"}),
        ("POST", "/members", {"user_id": tenant.user().id, "role": "viewer"}),
        ("PATCH", f"/members/{bob.id}", {"role": "viewer"}),
        ("DELETE", f"/members/{bob.id}", None),
    ):
        problem(service.send(method, path + below, body, by=ada), 409, "workspace_deleted")


def test_a_member_is_added(service: Service, tenant: Tenant) -> None:
    ada, bob = tenant.user(), tenant.user()
    id = tenant.workspace(ada)

    response = service.send("POST", f"/workspaces/{id}/members", {"user_id": bob.id, "role": "admin"}, by=ada)

    assert response.status_code == 201
    place = response.headers["Location"]
    assert place == f"/api/v1/workspaces/{id}/members"
    assert bob.id in [each["user_id"] for each in service.get(place.removeprefix("/api/v1"), by=ada).json["members"]]
    assert (response.json["id"], response.json["version"]) == (id, 2)
    members = service.get(f"/workspaces/{id}/members", by=bob).json["members"]
    assert [(member["user_id"], member["role"]) for member in members] == [(ada.id, "owner"), (bob.id, "admin")]


def test_members_have_their_rules(service: Service, tenant: Tenant) -> None:
    ada, bob, elsewhere = tenant.user(), tenant.user(), service.tenant().user()
    path = f"/workspaces/{tenant.workspace(ada, {bob.id: 'member'})}/members"

    def add(user_id: object, role: object = "member") -> Any:
        return service.send("POST", path, {"user_id": user_id, "role": role}, by=ada)

    problem(add(bob.id), 409, "already_member")
    problem(add(NOBODY), 409, "member_user_not_found")
    problem(add(elsewhere.id), 409, "member_user_not_found")
    problem(add(tenant.user("pending").id), 409, "user_not_active")
    problem(add(tenant.user("deactivated").id), 409, "user_not_active")
    problem(add("bob"), 422, "validation_failed")
    problem(add(tenant.user().id, "emperor"), 422, "validation_failed")
    problem(add(tenant.user().id, None), 422, "validation_failed")


def test_a_members_role_is_changed(service: Service, tenant: Tenant) -> None:
    ada, bob = tenant.user(), tenant.user()
    path = f"/workspaces/{tenant.workspace(ada, {bob.id: 'member'})}/members"

    changed = service.done("PATCH", f"{path}/{bob.id}", {"role": "owner"}, by=ada)

    assert service.done("PATCH", f"{path}/{bob.id}", {"role": "owner"}, by=ada) == changed
    assert [member["role"] for member in service.get(path, by=bob).json["members"]] == ["owner", "owner"]
    problem(service.send("PATCH", f"{path}/{tenant.user().id}", {"role": "viewer"}, by=ada), 404, "member_not_found")
    problem(service.send("PATCH", f"{path}/nobody", {"role": "viewer"}, by=ada), 404, "member_not_found")
    problem(service.send("PATCH", f"{path}/{bob.id}", {"role": "x"}, by=ada), 422, "validation_failed")


def test_the_last_owner_stays(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    path = f"/workspaces/{tenant.workspace(ada)}/members/{ada.id}"

    problem(service.send("PATCH", path, {"role": "admin"}, by=ada), 409, "last_owner")
    problem(service.send("DELETE", path, by=ada), 409, "last_owner")


def test_a_member_is_removed_or_leaves(service: Service, tenant: Tenant) -> None:
    ada, bob, eve = tenant.user(), tenant.user(), tenant.user()
    path = f"/workspaces/{tenant.workspace(ada, {bob.id: 'member', eve.id: 'viewer'})}/members"

    service.done("DELETE", f"{path}/{bob.id}", by=ada)
    service.done("DELETE", f"{path}/{eve.id}", by=eve)

    assert [member["user_id"] for member in service.get(path, by=ada).json["members"]] == [ada.id]
    problem(service.send("DELETE", f"{path}/{bob.id}", by=ada), 404, "member_not_found")


def test_members_may_only_what_their_role_says(service: Service, tenant: Tenant) -> None:
    owner, admin, member, viewer, stranger, extra = (tenant.user() for _ in range(6))
    path = f"/workspaces/{tenant.workspace(owner, {admin.id: 'admin', member.id: 'member', viewer.id: 'viewer'})}"

    def refused(by: Any, method: str, below: str = "", body: Any = None) -> None:
        problem(service.send(method, path + below, body, by=by), 403, "forbidden")

    for actor in (member, viewer, stranger):
        refused(actor, "PATCH", body={"name": "x"})
        refused(actor, "POST", "/members", {"user_id": extra.id, "role": "viewer"})
        refused(actor, "PATCH", f"/members/{admin.id}", {"role": "viewer"})
        refused(actor, "DELETE", f"/members/{admin.id}")
    for actor in (admin, member, viewer, stranger):
        refused(actor, "DELETE")
    refused(admin, "POST", "/members", {"user_id": extra.id, "role": "owner"})
    refused(admin, "PATCH", f"/members/{owner.id}", {"role": "member"})
    refused(admin, "DELETE", f"/members/{owner.id}")
    service.done("PATCH", path, {"name": "By its admin"}, by=admin)
    service.done("PATCH", path, {"name": "By the tenant's admin"}, by=tenant.admin)
    service.done("POST", f"{path}/members", {"user_id": extra.id, "role": "owner"}, by=tenant.admin)
    service.done("DELETE", path, by=ROOT)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/members", {"user_id": NOBODY, "role": "member"}),
        ("PATCH", f"/members/{NOBODY}", {"role": "member"}),
        ("DELETE", f"/members/{NOBODY}", None),
    ],
)
def test_what_is_elsewhere_is_nowhere(service: Service, tenant: Tenant, method: str, path: str, body: Any) -> None:
    id, other = tenant.workspace(tenant.user()), service.tenant()

    answers = [
        service.send(method, f"/workspaces/{each}{path}", body, by=other.admin)
        for each in (id, NOBODY, "not-a-uuid", other.id)
    ]

    for answer in answers:
        assert problem(answer, 404, "workspace_not_found") == answers[0].json
    problem(service.send(method, f"/workspaces/{NOBODY}{path}", body, by=ROOT), 404, "workspace_not_found")
