from __future__ import annotations

from typing import Any

import pytest

from domain.model.actor import Actor
from domain.model.claims import NO_CLAIMS, Claims, Reservation
from domain.model.errors import ConcurrencyConflict, CreatorNotActive, Forbidden, Invalid, WorkspaceNotFound
from domain.model.errors import WorkspaceDeleted as AlreadyDeleted
from domain.model.workspaces.aggregate import Workspace
from domain.model.workspaces.commands import (
    AddMember,
    ChangeMemberRole,
    CreateWorkspace,
    DeleteWorkspace,
    RemoveMember,
    UpdateWorkspace,
)
from domain.model.workspaces.events import MemberAdded, WorkspaceCreated, WorkspaceDeleted, WorkspaceUpdated

from .scenario import (
    ALICE,
    BOB,
    CAROL,
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
    fold,
    pending_user,
    super_admin,
)

created = WorkspaceCreated(name="Plans", description="", owner_id=ALICE, is_public=False, settings={})
bob_is_admin = MemberAdded(user_id=BOB, role="admin")
carol_is_member = MemberAdded(user_id=CAROL, role="member")
history = [created, bob_is_admin, carol_is_member]
deleted = WorkspaceDeleted(deleted_by=ALICE)


def create(**fields: Any) -> CreateWorkspace:
    return CreateWorkspace(
        **{
            "tenant_id": TENANT,
            "actor": alice,
            "workspace_id": WORKSPACE,
            "name": "Plans",
            **fields,
        }
    )


def command(kind: Any, actor: Any = alice, **fields: Any) -> Any:
    return kind(tenant_id=TENANT, actor=actor, workspace_id=WORKSPACE, **fields)


def update(actor: Any = alice, **changes: Any) -> UpdateWorkspace:
    return command(UpdateWorkspace, actor, changes=changes)


def test_the_creator_is_owner_and_first_member() -> None:
    assert_events([], create(), [created], witness=active_user(ALICE))
    assert fold(Workspace(WORKSPACE), [created]).members == {ALICE: "owner"}


def test_a_workspace_with_everything() -> None:
    details: dict[str, Any] = {
        "name": "P",
        "description": "Two\nlines",
        "is_public": True,
        "settings": {"a": [1, None]},
    }
    assert_events([], create(**details), [WorkspaceCreated(owner_id=ALICE, **details)], witness=active_user(ALICE))


@pytest.mark.parametrize(
    "witness",
    [None, absent_user(ALICE), pending_user(ALICE), deactivated_user(ALICE), active_user(ALICE, OTHER_TENANT)],
)
@pytest.mark.parametrize("actor", [alice, Actor(ALICE, None, frozenset({"super_admin"}))])
def test_only_an_active_user_of_the_tenant_creates_a_workspace(witness: Any, actor: Any) -> None:
    assert_refused([], create(actor=actor), CreatorNotActive, witness=witness)


def test_an_actor_that_is_no_uuid_can_not_be_looked_up() -> None:
    assert create().witness_id == ALICE
    assert create(actor=Actor("billing-service", TENANT)).witness_id is None


def test_a_workspace_is_created_once() -> None:
    assert_refused([created], create(), ConcurrencyConflict, witness=active_user(ALICE))


BAD_DETAILS = [
    ("name", ""), ("name", "x" * 101), ("name", None),
    ("description", "x" * 2001), ("description", "\0"), ("description", None),
    ("is_public", 1), ("is_public", "true"), ("is_public", None),
    ("settings", None), ("settings", []), ("settings", "{}"), ("settings", {"a": float("nan")}),
    ("settings", {"a": "\ud800"}), ("settings", {"a\0": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [*BAD_DETAILS, ("workspace_id", "7")])
def test_a_workspace_with_a_bad_field_is_refused(field: str, value: Any) -> None:
    assert_refused([], create(**{field: value}), Invalid, witness=active_user(ALICE), field=field)


@pytest.mark.parametrize("actor", [alice, bob, admin, super_admin])
def test_owners_and_admins_update(actor: Any) -> None:
    assert_events(history, update(actor, name="New", is_public=False), [WorkspaceUpdated(changes={"name": "New"})])


@pytest.mark.parametrize("actor", [carol, dave, admin_elsewhere])
def test_nobody_else_updates(actor: Any) -> None:
    assert_refused(history, update(actor, name="New"), Forbidden)


@pytest.mark.parametrize(
    "changes", [{}, {"name": " Plans "}, {"description": ""}, {"is_public": False}, {"settings": {}}]
)
def test_nothing_new_is_no_change(changes: Any) -> None:
    assert_events(history, update(**changes), [])


def test_settings_that_python_calls_equal_are_told_apart() -> None:
    before = [*history, WorkspaceUpdated(changes={"settings": {"a": 1}})]
    assert_events(before, update(settings={"a": True}), [WorkspaceUpdated(changes={"settings": {"a": True}})])
    assert_events(before, update(settings={"a": 1.0}), [])


@pytest.mark.parametrize(("field", "value"), [*BAD_DETAILS, ("owner_id", BOB), ("members", {})])
def test_a_bad_change_is_refused(field: str, value: Any) -> None:
    assert_refused(history, update(**{field: value}), Invalid, field=field)


@pytest.mark.parametrize("actor", [alice, admin, super_admin])
def test_an_owner_deletes(actor: Any) -> None:
    assert_events(history, command(DeleteWorkspace, actor), [WorkspaceDeleted(deleted_by=actor.id)])


@pytest.mark.parametrize("actor", [bob, carol, dave, admin_elsewhere])
def test_nobody_else_deletes(actor: Any) -> None:
    assert_refused(history, command(DeleteWorkspace, actor), Forbidden)


LATER = [
    (UpdateWorkspace, {"changes": {"name": "New"}}),
    (DeleteWorkspace, {}),
    (AddMember, {"user_id": BOB, "role": "member"}),
    (RemoveMember, {"user_id": CAROL}),
    (ChangeMemberRole, {"user_id": CAROL, "role": "viewer"}),
]


@pytest.mark.parametrize(("kind", "fields"), LATER)
@pytest.mark.parametrize("actor", [alice, dave, admin])
def test_after_deletion_every_command_is_refused(kind: Any, fields: Any, actor: Any) -> None:
    assert_refused([*history, deleted], command(kind, actor, **fields), AlreadyDeleted, witness=active_user(BOB))


@pytest.mark.parametrize(("kind", "fields"), LATER)
def test_a_workspace_that_does_not_exist_is_not_found(kind: Any, fields: Any) -> None:
    assert_refused([], command(kind, **fields), WorkspaceNotFound, witness=active_user(BOB))


def test_a_name_is_reserved_moved_and_given_back() -> None:
    plans, new = Reservation("workspace.name", "Plans"), Reservation("workspace.name", "New")
    workspace = Workspace(WORKSPACE)
    assert workspace.claims(created) == Claims(reserve=(plans,), workspaces=1)
    fold(workspace, [created])
    renamed = WorkspaceUpdated(changes={"name": "New"})
    assert workspace.claims(renamed) == Claims(reserve=(new,), release=(plans,))
    fold(workspace, [renamed])
    assert workspace.claims(deleted) == Claims(release=(new,), workspaces=-1)
    assert workspace.claims(WorkspaceUpdated(changes={"is_public": True})) == NO_CLAIMS
    assert workspace.claims(bob_is_admin) == NO_CLAIMS


def test_one_name_written_in_two_ways_is_reserved_once() -> None:
    composed, decomposed = "Caf\u00e9", "Cafe\u0301"
    workspace = fold(Workspace(WORKSPACE), [created, WorkspaceUpdated(changes={"name": composed})])
    assert workspace.claims(WorkspaceUpdated(changes={"name": decomposed})) == NO_CLAIMS
    fold(workspace, [WorkspaceUpdated(changes={"name": decomposed})])
    assert workspace.claims(deleted).release == (Reservation("workspace.name", composed),)
