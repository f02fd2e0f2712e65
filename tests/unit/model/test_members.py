from __future__ import annotations

from typing import Any

import pytest

from domain.model.actor import Actor
from domain.model.errors import (
    AlreadyMember,
    Forbidden,
    Invalid,
    LastOwner,
    MemberNotFound,
    MemberUserNotFound,
    UserNotActive,
)
from domain.model.workspaces.commands import AddMember, ChangeMemberRole, RemoveMember
from domain.model.workspaces.events import MemberAdded, MemberRemoved, MemberRoleChanged, WorkspaceCreated

from .scenario import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    OTHER_TENANT,
    TENANT,
    WORKSPACE,
    absent_user,
    active_user,
    admin,
    admin_elsewhere,
    alice,
    assert_events,
    assert_refused,
    bob,
    carol,
    dave,
    deactivated_user,
    pending_user,
    super_admin,
    uuid,
)

EVE, FRANK = uuid(15), uuid(16)
eve = Actor(EVE, TENANT)

# Alice owns the workspace, Bob is its admin, Carol a member, Eve a viewer; Dave and Frank stand outside.
history = [
    WorkspaceCreated(name="Plans", description="", owner_id=ALICE, is_public=False, settings={}),
    MemberAdded(user_id=BOB, role="admin"),
    MemberAdded(user_id=CAROL, role="member"),
    MemberAdded(user_id=EVE, role="viewer"),
]
two_owners = [*history, MemberRoleChanged(user_id=BOB, old_role="admin", new_role="owner")]


def add(actor: Any, user_id: Any, role: Any) -> AddMember:
    return AddMember(tenant_id=TENANT, actor=actor, workspace_id=WORKSPACE, user_id=user_id, role=role)


def remove(actor: Any, user_id: Any) -> RemoveMember:
    return RemoveMember(tenant_id=TENANT, actor=actor, workspace_id=WORKSPACE, user_id=user_id)


def change(actor: Any, user_id: Any, role: Any) -> ChangeMemberRole:
    return ChangeMemberRole(tenant_id=TENANT, actor=actor, workspace_id=WORKSPACE, user_id=user_id, role=role)


owners = pytest.mark.parametrize("owner", [alice, admin, super_admin])
managers = pytest.mark.parametrize("manager", [alice, bob, admin, super_admin])
others = pytest.mark.parametrize("other", [carol, eve, dave, admin_elsewhere])


@managers
@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_owners_and_admins_add_members(manager: Any, role: str) -> None:
    assert_events(history, add(manager, DAVE, role), [MemberAdded(user_id=DAVE, role=role)], active_user(DAVE))


@owners
def test_owners_add_owners(owner: Any) -> None:
    assert_events(history, add(owner, DAVE, "owner"), [MemberAdded(user_id=DAVE, role="owner")], active_user(DAVE))


def test_an_admin_adds_no_owner() -> None:
    assert_refused(history, add(bob, DAVE, "owner"), Forbidden, active_user(DAVE))


@others
def test_nobody_else_adds_members(other: Any) -> None:
    assert_refused(history, add(other, DAVE, "viewer"), Forbidden, active_user(DAVE))


def test_a_member_is_not_added_twice() -> None:
    assert_refused(history, add(alice, CAROL, "viewer"), AlreadyMember, active_user(CAROL))
    assert_refused(history, add(alice, CAROL, "member"), AlreadyMember, deactivated_user(CAROL))


@pytest.mark.parametrize("witness", [None, absent_user(DAVE), active_user(DAVE, OTHER_TENANT)])
def test_a_member_must_be_a_user_of_the_tenant(witness: Any) -> None:
    assert_refused(history, add(alice, DAVE, "member"), MemberUserNotFound, witness)


@pytest.mark.parametrize("witness", [pending_user(DAVE), deactivated_user(DAVE)])
def test_a_member_must_be_active(witness: Any) -> None:
    assert_refused(history, add(alice, DAVE, "member"), UserNotActive, witness)


def test_the_user_to_be_added_is_the_witness_if_it_can_be_looked_up() -> None:
    assert add(alice, DAVE, "member").witness_id == DAVE
    assert add(alice, "dave", "member").witness_id is None
    assert add(alice, None, "member").witness_id is None


@managers
def test_owners_and_admins_remove_members(manager: Any) -> None:
    assert_events(history, remove(manager, CAROL), [MemberRemoved(user_id=CAROL)])


@pytest.mark.parametrize("leaver", [bob, carol, eve])
def test_a_member_may_leave(leaver: Any) -> None:
    assert_events(history, remove(leaver, leaver.id), [MemberRemoved(user_id=leaver.id)])


@others
def test_nobody_else_removes_members(other: Any) -> None:
    assert_refused(history, remove(other, BOB), Forbidden)


def test_one_who_has_left_is_an_outsider() -> None:
    assert_refused([*history, MemberRemoved(user_id=BOB)], remove(bob, BOB), Forbidden)
    assert_refused([*history, MemberRemoved(user_id=BOB)], remove(bob, CAROL), Forbidden)


def test_owners_remove_owners() -> None:
    assert_events(two_owners, remove(alice, BOB), [MemberRemoved(user_id=BOB)])
    assert_events(two_owners, remove(admin, ALICE), [MemberRemoved(user_id=ALICE)])
    assert_events(two_owners, remove(alice, ALICE), [MemberRemoved(user_id=ALICE)])


def test_an_admin_removes_no_owner() -> None:
    two_admins = [*two_owners, MemberRoleChanged(user_id=CAROL, old_role="member", new_role="admin")]
    assert_refused(two_admins, remove(carol, BOB), Forbidden)
    assert_refused(history, remove(bob, ALICE), Forbidden)


@owners
def test_the_last_owner_stays(owner: Any) -> None:
    assert_refused(history, remove(owner, ALICE), LastOwner)
    assert_refused([*two_owners, MemberRemoved(user_id=ALICE)], remove(bob, BOB), LastOwner)


@managers
def test_one_who_is_no_member_is_not_removed(manager: Any) -> None:
    assert_refused(history, remove(manager, DAVE), MemberNotFound)


@managers
@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_owners_and_admins_change_roles(manager: Any, role: str) -> None:
    changed = MemberRoleChanged(user_id=CAROL, old_role="member", new_role=role)
    assert_events(history, change(manager, CAROL, role), [changed], active_user(CAROL))


@managers
def test_the_same_role_again_is_no_change(manager: Any) -> None:
    assert_events(history, change(manager, CAROL, "member"), [])


def test_the_last_owner_may_stay_owner() -> None:
    assert_events(history, change(alice, ALICE, "owner"), [])


@others
def test_nobody_else_changes_roles(other: Any) -> None:
    assert_refused(history, change(other, CAROL, "viewer"), Forbidden)


@owners
def test_owners_make_and_unmake_owners(owner: Any) -> None:
    made = MemberRoleChanged(user_id=CAROL, old_role="member", new_role="owner")
    unmade = MemberRoleChanged(user_id=BOB, old_role="owner", new_role="viewer")
    assert_events(history, change(owner, CAROL, "owner"), [made], active_user(CAROL))
    assert_events(two_owners, change(owner, BOB, "viewer"), [unmade])


@pytest.mark.parametrize("gone", [deactivated_user(CAROL), pending_user(CAROL), None])
def test_a_member_who_is_not_active_gets_no_rights_and_may_lose_some(gone: Any) -> None:
    lost = MemberRoleChanged(user_id=CAROL, old_role="member", new_role="viewer")
    assert_refused(history, change(alice, CAROL, "owner"), UserNotActive, gone)
    assert_refused(history, change(alice, CAROL, "admin"), UserNotActive, gone)
    assert_events(history, change(alice, CAROL, "viewer"), [lost], gone)
    assert change(alice, CAROL, "viewer").witness_id == CAROL


def test_an_admin_makes_and_unmakes_no_owners() -> None:
    assert_refused(history, change(bob, CAROL, "owner"), Forbidden)
    assert_refused(history, change(bob, BOB, "owner"), Forbidden)
    assert_refused(history, change(bob, ALICE, "member"), Forbidden)


def test_an_owner_may_step_down_and_the_last_may_not() -> None:
    stepped_down = MemberRoleChanged(user_id=ALICE, old_role="owner", new_role="member")
    assert_events(two_owners, change(alice, ALICE, "member"), [stepped_down])
    assert_refused([*two_owners, stepped_down], change(bob, BOB, "admin"), LastOwner)


@owners
def test_the_last_owner_is_not_demoted(owner: Any) -> None:
    assert_refused(history, change(owner, ALICE, "admin"), LastOwner)


@managers
def test_one_who_is_no_member_has_no_role_to_change(manager: Any) -> None:
    assert_refused(history, change(manager, DAVE, "viewer"), MemberNotFound)


@pytest.mark.parametrize("role", ["", "super_admin", None, ["member"], {}])
def test_an_unknown_role_is_refused(role: Any) -> None:
    assert_refused(history, add(alice, DAVE, role), Invalid, active_user(DAVE), field="role")
    assert_refused(history, change(alice, CAROL, role), Invalid, field="role")


@pytest.mark.parametrize("user_id", ["", "7", None, [CAROL], CAROL + "\n"])
def test_an_id_that_is_no_uuid_is_refused(user_id: Any) -> None:
    assert_refused(history, add(alice, user_id, "member"), Invalid, field="user_id")
    assert_refused(history, remove(alice, user_id), Invalid, field="user_id")
    assert_refused(history, change(alice, user_id, "viewer"), Invalid, field="user_id")
