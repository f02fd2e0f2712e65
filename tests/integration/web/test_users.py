"""Commands about users."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.web.service import ROOT, Service, Tenant, problem

ADA = {"email": "Ada@Example.com", "first_name": " Ada ", "last_name": "Lovelace"}


def test_a_user_is_registered(service: Service, tenant: Tenant) -> None:
    response = service.send("POST", "/users", ADA, by=tenant.admin)

    assert response.status_code == 201
    id = response.json["id"]
    assert response.headers["Location"] == f"/api/v1/users/{id}"
    user = service.get(f"/users/{id}", by=tenant.admin).json
    assert (user["email"], user["display_name"], user["status"]) == ("Ada@Example.com", "Ada Lovelace", "pending")
    assert (user["tenant_id"], user["roles"], user["is_active"]) == (tenant.id, ["user"], False)


def test_a_super_admin_names_the_tenant(service: Service, tenant: Tenant) -> None:
    id = service.done("POST", "/users", ADA | {"tenant_id": tenant.id.upper()})["id"]

    assert service.get(f"/users/{id}").json["tenant_id"] == tenant.id
    document = problem(service.send("POST", "/users", ADA), 422, "validation_failed")
    assert list(document["errors"]) == ["tenant_id"]
    missing = ADA | {"tenant_id": "00000000-0000-4000-8000-000000000000"}
    problem(service.send("POST", "/users", missing), 404, "tenant_not_found")


def test_an_admin_registers_in_its_own_tenant_only(service: Service, tenant: Tenant) -> None:
    other = service.tenant()

    service.done("POST", "/users", ADA | {"tenant_id": tenant.id}, by=tenant.admin)

    problem(service.send("POST", "/users", ADA | {"tenant_id": other.id}, by=tenant.admin), 404, "tenant_not_found")


def test_an_address_is_taken_once_in_a_tenant(service: Service, tenant: Tenant) -> None:
    other = service.tenant()
    service.done("POST", "/users", ADA, by=tenant.admin)

    again = service.send("POST", "/users", ADA | {"email": "ADA@example.COM"}, by=tenant.admin)

    problem(again, 409, "email_taken")
    service.done("POST", "/users", ADA, by=other.admin)


def test_a_plan_holds_to_the_last_user(service: Service) -> None:
    free = service.tenant("free")
    for _ in range(5):
        free.user("pending")

    problem(service.send("POST", "/users", ADA, by=free.admin), 409, "quota_exceeded")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "ada"}, "email"),
        ({"email": "a@b\0.com"}, "email"),
        ({"email": "a" * 250 + "@b.com"}, "email"),
        ({"email": None}, "email"),
        ({"first_name": ""}, "first_name"),
        ({"first_name": "x" * 101}, "first_name"),
        ({"last_name": "a\nb"}, "last_name"),
        ({"last_name": {}}, "last_name"),
        ({"tenant_id": "acme"}, "tenant_id"),
        ({"status": "active"}, "status"),
    ],
)
def test_what_is_not_valid_is_refused_by_field(
    service: Service, tenant: Tenant, changes: dict[str, Any], field: str
) -> None:
    document = problem(service.send("POST", "/users", ADA | changes, by=tenant.admin), 422, "validation_failed")

    assert list(document["errors"]) == [field]


def test_all_that_is_wrong_is_said_at_once(service: Service, tenant: Tenant) -> None:
    document = problem(
        service.send("POST", "/users", {"email": "x", "age": 5}, by=tenant.admin), 422, "validation_failed"
    )

    assert set(document["errors"]) == {"email", "first_name", "last_name", "age"}


def test_a_user_is_activated_once(service: Service, tenant: Tenant) -> None:
    path = f"/users/{tenant.user('pending').id}/activate"

    assert service.done("POST", path, by=tenant.admin)["version"] == 2
    problem(service.send("POST", path, by=tenant.admin), 409, "user_already_active")
    assert service.get(path.removesuffix("/activate"), by=tenant.admin).json["is_active"] is True


def test_a_user_is_deactivated_once_and_may_come_back(service: Service, tenant: Tenant) -> None:
    path = f"/users/{tenant.user().id}"

    service.done("POST", f"{path}/deactivate", {"reason": "moved"}, by=tenant.admin)

    user = service.get(path, by=tenant.admin).json
    assert (user["status"], user["is_active"], user["deactivation_reason"]) == ("deactivated", False, "moved")
    problem(service.send("POST", f"{path}/deactivate", by=tenant.admin), 409, "user_already_deactivated")
    service.done("POST", f"{path}/activate", by=tenant.admin)


@pytest.mark.parametrize("body", [{"reason": "x" * 501}, {"reason": 5}, {"why": "x"}, [], "moved", 5])
def test_a_reason_has_its_limits(service: Service, tenant: Tenant, body: Any) -> None:
    path = f"/users/{tenant.user().id}/deactivate"

    problem(service.send("POST", path, body, by=tenant.admin), 422, "validation_failed")


def test_a_command_without_a_body_takes_none(service: Service, tenant: Tenant) -> None:
    path = f"/users/{tenant.user('pending').id}/activate"

    problem(service.send("POST", path, {"reason": "x"}, by=tenant.admin), 422, "validation_failed")
    service.done("POST", path, {}, by=tenant.admin)


def test_a_user_changes_its_own_data(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    changes = {
        "first_name": "Augusta",
        "avatar": "https://example.com/ada.png",
        "timezone": "Europe/London",
        "language": "en-GB",
    }

    assert service.done("PATCH", f"/users/{ada.id}", changes, by=ada)["version"] == 3

    user = service.get("/users/profile", by=ada).json
    assert {name: user[name] for name in changes} == changes
    assert user["display_name"] == "Augusta Lovelace"
    service.done("PATCH", f"/users/{ada.id}", {"avatar": None}, by=ada)
    assert service.get("/users/profile", by=ada).json["avatar"] is None


def test_nothing_to_change_is_no_new_version(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()

    assert service.done("PATCH", f"/users/{ada.id}", {}, by=ada)["version"] == 2
    assert service.done("PATCH", f"/users/{ada.id}", {"first_name": "Ada"}, by=ada)["version"] == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"avatar": "javascript:alert(1)"},
        {"timezone": "Mars/Olympus"},
        {"timezone": None},
        {"language": "english language"},
        {"email": "new@example.com"},
        {"first_name": "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace") * 101},
    ],
)
def test_data_that_is_not_valid_is_refused(service: Service, tenant: Tenant, changes: dict[str, Any]) -> None:
    ada = tenant.user()

    document = problem(service.send("PATCH", f"/users/{ada.id}", changes, by=ada), 422, "validation_failed")

    assert list(document["errors"]) == list(changes)


@pytest.mark.parametrize("status", ["pending", "deactivated"])
def test_only_an_active_user_is_changed(service: Service, tenant: Tenant, status: str) -> None:
    ada = tenant.user(status)

    problem(service.send("PATCH", f"/users/{ada.id}", {"first_name": "A"}, by=ada), 409, "user_not_active")


def test_roles_are_given_and_taken(service: Service, tenant: Tenant) -> None:
    path = f"/users/{tenant.user().id}"

    given = service.done("PUT", f"{path}/roles/admin", by=tenant.admin)
    assert service.done("PUT", f"{path}/roles/admin", by=tenant.admin) == given
    assert service.get(path, by=tenant.admin).json["roles"] == ["user", "admin"]
    taken = service.done("DELETE", f"{path}/roles/admin", by=tenant.admin)
    assert service.done("DELETE", f"{path}/roles/admin", by=tenant.admin) == taken
    assert service.get(path, by=tenant.admin).json["roles"] == ["user"]


def test_roles_have_their_rules(service: Service, tenant: Tenant) -> None:
    path = f"/users/{tenant.user().id}/roles"

    problem(service.send("DELETE", f"{path}/user", by=tenant.admin), 409, "base_role_required")
    problem(service.send("PUT", f"{path}/emperor", by=tenant.admin), 422, "invalid")
    problem(service.send("PUT", f"{path}/%00%ff", by=tenant.admin), 422, "invalid")
    problem(service.send("PUT", f"{path}/super_admin", by=tenant.admin), 403, "forbidden")
    service.done("PUT", f"{path}/super_admin", by=ROOT)
    problem(service.send("DELETE", f"{path}/super_admin", by=tenant.admin), 403, "forbidden")


COMMANDS = [
    ("PATCH", "", {"first_name": "A"}),
    ("POST", "/activate", None),
    ("POST", "/deactivate", {"reason": "x"}),
    ("PUT", "/roles/admin", None),
    ("DELETE", "/roles/admin", None),
]


@pytest.mark.parametrize(("method", "path", "body"), COMMANDS)
def test_other_users_may_not(service: Service, tenant: Tenant, method: str, path: str, body: Any) -> None:
    ada, bob = tenant.user(), tenant.user()

    problem(service.send(method, f"/users/{ada.id}{path}", body, by=bob), 403, "forbidden")
    problem(service.send("POST", "/users", ADA, by=bob), 403, "forbidden")


@pytest.mark.parametrize(("method", "path", "body"), COMMANDS)
def test_what_is_elsewhere_is_nowhere(service: Service, tenant: Tenant, method: str, path: str, body: Any) -> None:
    ada, other = tenant.user(), service.tenant()

    answers = [
        service.send(method, f"/users/{id}{path}", body, by=other.admin)
        for id in (ada.id, "00000000-0000-4000-8000-000000000000", "not-a-uuid", other.id)
    ]

    for answer in answers:
        assert problem(answer, 404, "user_not_found") == answers[0].json
    problem(service.send(method, f"/users/{other.id}{path}", body, by=ROOT), 404, "user_not_found")
