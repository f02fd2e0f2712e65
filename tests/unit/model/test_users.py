from __future__ import annotations

from typing import Any

import pytest

from domain.model.actor import Actor
from domain.model.claims import NO_CLAIMS, Claims, Reservation
from domain.model.errors import (
    BaseRoleRequired,
    ConcurrencyConflict,
    Forbidden,
    Invalid,
    SenderDeactivated,
    UserAlreadyActive,
    UserAlreadyDeactivated,
    UserNotActive,
    UserNotFound,
)
from domain.model.users.aggregate import User
from domain.model.users.commands import ActivateUser, AddRole, DeactivateUser, RegisterUser, RemoveRole, UpdateUser
from domain.model.users.events import UserActivated, UserDeactivated, UserRegistered, UserRoleChanged, UserUpdated

from .scenario import (
    ALICE,
    OTHER_TENANT,
    TENANT,
    admin,
    admin_elsewhere,
    alice,
    assert_events,
    assert_refused,
    bob,
    super_admin,
)
from .scenario import registered as registered_user

registered, activated = registered_user(ALICE), UserActivated(previous_status="pending")
deactivated = UserDeactivated(previous_status="active", reason="left")
active = [registered, activated]


def register(**fields: Any) -> RegisterUser:
    return RegisterUser(
        **{
            "tenant_id": TENANT,
            "actor": admin,
            "user_id": ALICE,
            "email": "a@example.com",
            "first_name": "Ada",
            "last_name": "Byron",
            **fields,
        }
    )


def command(kind: Any, actor: Any = admin, tenant_id: str = TENANT, **fields: Any) -> Any:
    return kind(tenant_id=tenant_id, actor=actor, user_id=ALICE, **fields)


def update(actor: Any = admin, **changes: Any) -> UpdateUser:
    return command(UpdateUser, actor, changes=changes)


def role_changed(role: str, action: str, by: Any = admin) -> UserRoleChanged:
    return UserRoleChanged(role=role, action=action, changed_by=by.id)


@pytest.mark.parametrize("actor", [admin, super_admin])
def test_an_admin_registers_a_user(actor: Any) -> None:
    assert_events([], register(actor=actor, first_name=" Ada"), [registered])


@pytest.mark.parametrize("actor", [alice, bob, admin_elsewhere])
def test_nobody_else_registers_a_user(actor: Any) -> None:
    assert_refused([], register(actor=actor), Forbidden)


def test_a_user_is_registered_once() -> None:
    assert_refused([registered], register(), ConcurrencyConflict)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", "7"),
        ("user_id", ALICE.upper().replace("0", "A")),
        ("user_id", None),
        ("tenant_id", "x"),
        ("email", ""),
        ("email", "a"),
        ("email", "a@b"),
        ("email", "a b@example.com"),
        ("email", "a@@example.com"),
        ("email", "a@example..com"),
        ("email", "a@example.com\0"),
        ("email", "x" * 65 + "@example.com"),
        ("email", "a@" + ".".join(["x" * 60] * 5)),
        ("email", None),
        ("email", {"a": 1}),
        ("first_name", ""),
        ("first_name", "\u200b"),
        ("first_name", "x" * 101),
        ("first_name", "a\ud800"),
        ("first_name", "a\u2028b"),
        ("last_name", "a\nb"),
        ("last_name", 5),
        ("last_name", None),
    ],
)
def test_a_user_with_a_bad_field_is_refused(field: str, value: Any) -> None:
    actor = super_admin if field == "tenant_id" else admin
    assert_refused([], register(**{"actor": actor, field: value}), Invalid, field=field)


def test_a_pending_user_is_activated() -> None:
    assert_events([registered], command(ActivateUser), [activated])


def test_a_deactivated_user_is_activated_again() -> None:
    assert_events([*active, deactivated], command(ActivateUser), [UserActivated(previous_status="deactivated")])


@pytest.mark.parametrize("kind", [ActivateUser, DeactivateUser])
def test_a_deactivated_admin_does_not_bring_itself_back(kind: Any) -> None:
    oneself, root = Actor(ALICE, TENANT, frozenset({"admin"})), Actor(ALICE, None, frozenset({"super_admin"}))
    gone = [*active, deactivated]
    assert_refused(gone, command(kind, actor=oneself), SenderDeactivated)
    assert_events(gone, command(ActivateUser, actor=root), [UserActivated(previous_status="deactivated")])


def test_a_second_activation_is_refused() -> None:
    assert_refused(active, command(ActivateUser), UserAlreadyActive)


@pytest.mark.parametrize(("history", "status"), [([registered], "pending"), (active, "active")])
def test_a_pending_or_active_user_is_deactivated(history: Any, status: str) -> None:
    assert_events(
        history, command(DeactivateUser, reason=" left\n"), [UserDeactivated(previous_status=status, reason="left")]
    )


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_deactivation_needs_no_reason(reason: Any) -> None:
    assert_events(
        active, command(DeactivateUser, reason=reason), [UserDeactivated(previous_status="active", reason=None)]
    )


@pytest.mark.parametrize("reason", ["x" * 501, "a\0", 7, ["x"]])
def test_a_bad_reason_is_refused(reason: Any) -> None:
    assert_refused(active, command(DeactivateUser, reason=reason), Invalid, field="reason")


def test_a_second_deactivation_is_refused() -> None:
    assert_refused([*active, deactivated], command(DeactivateUser), UserAlreadyDeactivated)


@pytest.mark.parametrize("actor", [alice, admin, super_admin])
def test_a_user_or_an_admin_updates_the_changed_fields_alone(actor: Any) -> None:
    assert_events(
        active, update(actor, first_name="Augusta", last_name="Byron"), [UserUpdated(changes={"first_name": "Augusta"})]
    )


def test_all_that_a_user_may_change() -> None:
    changes = {
        "first_name": "A",
        "last_name": "B",
        "avatar": "https://example.com/a.png?x=1",
        "timezone": "Europe/Berlin",
        "language": "de-AT",
    }
    assert_events(active, update(alice, **changes), [UserUpdated(changes=changes)])
    assert_events([*active, UserUpdated(changes=changes)], update(alice, **changes), [])
    assert_events(
        [*active, UserUpdated(changes=changes)], update(alice, avatar=None), [UserUpdated(changes={"avatar": None})]
    )


@pytest.mark.parametrize(
    "changes", [{}, {"first_name": "Ada"}, {"avatar": None}, {"timezone": "UTC"}, {"language": "en"}]
)
def test_nothing_new_is_no_change(changes: Any) -> None:
    assert_events(active, update(alice, **changes), [])


@pytest.mark.parametrize("history", [[registered], [*active, deactivated]])
def test_only_an_active_user_is_updated(history: Any) -> None:
    assert_refused(history, update(first_name="New"), UserNotActive)
    assert_refused(history, update(), UserNotActive)


@pytest.mark.parametrize("actor", [bob, admin_elsewhere])
def test_others_do_not_update_a_user(actor: Any) -> None:
    assert_refused(active, update(actor, first_name="New"), Forbidden)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_name", None),
        ("last_name", " "),
        ("avatar", ""),
        ("avatar", "ftp://example.com/a"),
        ("avatar", "javascript:alert(1)"),
        ("avatar", "https://"),
        ("avatar", "https://example.com/" + "x" * 2048),
        ("avatar", "https://a b.com"),
        ("avatar", "http://[::1"),
        ("avatar", "http://a:99999/"),
        ("avatar", "https://exämple.com/"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../etc/passwd"),
        ("timezone", ""),
        ("timezone", None),
        ("timezone", "localtime"),
        ("timezone", "x" * 65),
        ("language", "e"),
        ("language", "en_US"),
        ("language", "en-"),
        ("language", "en-" + "a" * 9),
        ("language", "en" + "-abc" * 9),
        ("language", None),
        ("email", "b@example.com"),
        ("status", "active"),
    ],
)
def test_a_bad_change_is_refused(field: str, value: Any) -> None:
    assert_refused(active, update(alice, **{field: value}), Invalid, field=field)


@pytest.mark.parametrize("changes", [None, [], "x", {"\ud800": 1}, {"a\0": 1}, {"": 1}])
def test_changes_that_are_no_changes_are_refused(changes: Any) -> None:
    assert_refused(active, command(UpdateUser, changes=changes), Invalid, field="changes")


def test_an_admin_is_made_and_unmade() -> None:
    added = role_changed("admin", "added")
    assert_events([registered], command(AddRole, role="admin"), [added])
    assert_events([registered, added], command(AddRole, role="admin"), [])
    assert_events([registered, added], command(RemoveRole, role="admin"), [role_changed("admin", "removed")])
    assert_events([registered, added, role_changed("admin", "removed")], command(RemoveRole, role="admin"), [])


def test_the_base_role_is_there_for_good() -> None:
    assert_events([registered], command(AddRole, role="user"), [])
    assert_refused([registered], command(RemoveRole, role="user"), BaseRoleRequired)


def test_a_super_admin_makes_and_unmakes_super_admins() -> None:
    added = role_changed("super_admin", "added", super_admin)
    removed = role_changed("super_admin", "removed", super_admin)
    assert_events([registered], command(AddRole, super_admin, role="super_admin"), [added])
    assert_events([registered, added], command(RemoveRole, super_admin, role="super_admin"), [removed])


@pytest.mark.parametrize("kind", [AddRole, RemoveRole])
def test_an_admin_makes_and_unmakes_no_super_admins(kind: Any) -> None:
    history = [registered, role_changed("super_admin", "added", super_admin)]
    assert_refused([registered], command(kind, role="super_admin"), Forbidden)
    assert_refused(history, command(kind, role="super_admin"), Forbidden)


@pytest.mark.parametrize("kind", [AddRole, RemoveRole])
@pytest.mark.parametrize("role", ["owner", "", None, ["admin"], {}])
def test_an_unknown_role_is_refused(kind: Any, role: Any) -> None:
    assert_refused([registered], command(kind, role=role), Invalid, field="role")


LATER = [
    (ActivateUser, {}),
    (DeactivateUser, {}),
    (UpdateUser, {"changes": {}}),
    (AddRole, {"role": "admin"}),
    (RemoveRole, {"role": "admin"}),
]


@pytest.mark.parametrize(("kind", "fields"), LATER)
def test_a_user_that_does_not_exist_is_not_found(kind: Any, fields: Any) -> None:
    assert_refused([], command(kind, **fields), UserNotFound)


@pytest.mark.parametrize(("kind", "fields"), LATER)
def test_another_tenant_s_user_is_not_found(kind: Any, fields: Any) -> None:
    assert_refused(active, command(kind, admin_elsewhere, OTHER_TENANT, **fields), UserNotFound)


@pytest.mark.parametrize(("kind", "fields"), [later for later in LATER if later[0] is not UpdateUser])
@pytest.mark.parametrize("actor", [alice, bob, admin_elsewhere])
def test_only_admins_change_status_and_roles(kind: Any, fields: Any, actor: Any) -> None:
    assert_refused([registered], command(kind, actor, **fields), Forbidden)


def test_claims() -> None:
    user = User(ALICE)
    event = UserRegistered(user_id=ALICE, tenant_id=TENANT, email="Ada@Example.com", first_name="A", last_name="B")
    assert user.claims(event) == Claims(reserve=(Reservation("user.email", "ada@example.com"),), users=1)
    assert user.claims(deactivated) == NO_CLAIMS
