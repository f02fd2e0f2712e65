"""From a command to its events: versions, repetitions, witnesses, snapshots, and many at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from domain.model.actor import Actor
from domain.model.errors import (
    ConcurrencyConflict,
    EventNotReadable,
    Forbidden,
    SenderDeactivated,
    UserAlreadyActive,
    UserNotActive,
    UserNotFound,
    VersionMismatch,
    WorkspaceNotFound,
)
from domain.model.position import Position, shard_of
from domain.model.tenants.commands import ChangeTenant, CreateTenant
from domain.model.users.commands import ActivateUser, DeactivateUser, UpdateUser
from domain.model.workspaces.aggregate import Workspace
from domain.model.workspaces.commands import AddMember, CreateWorkspace, UpdateWorkspace
from domain.write.command_bus import CommandBus
from domain.write.event_store import History
from domain.write.outcome import Outcome
from tests.integration.write.directory import METADATA, ROOT, Directory, after_the_load


def test_a_command_answers_with_id_version_and_position_and_tells_of_its_events(acme: Directory):
    registered = acme.register()
    activated = acme.do(ActivateUser, user_id=registered.id)

    shard = shard_of(acme.tenant)
    assert registered == Outcome(registered.id, 1, Position(shard, 2))
    assert activated == Outcome(registered.id, 2, Position(shard, 3))
    assert acme.appended[-2:] == [(Position(shard, 2), 1), (Position(shard, 3), 1)]


def test_events_tell_who_caused_them(acme: Directory):
    acme.register()

    event = acme.store.read(shard_of(acme.tenant), 1, 1)[0]
    assert event.metadata == {
        "correlation_id": "c-1",
        "causation_id": None,
        "actor_id": "root",
        "command": "RegisterUser",
        "traceparent": "00-1",
    }


def test_a_command_that_changes_nothing_appends_nothing(acme: Directory):
    user = acme.active_user()
    changed = acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"})
    told = len(acme.appended)

    again = acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"})

    assert again == changed
    assert len(acme.appended) == told


def test_a_refused_command_leaves_nothing(acme: Directory):
    user = acme.active_user()
    before = acme.head

    with pytest.raises(UserAlreadyActive):
        acme.do(ActivateUser, user_id=user)
    with pytest.raises(UserNotFound):
        acme.do(ActivateUser, user_id=str(uuid4()))

    assert acme.head == before


def test_an_id_of_another_kind_of_thing_is_not_found(acme: Directory):
    with pytest.raises(UserNotFound):
        acme.do(ActivateUser, user_id=acme.tenant)


def test_a_named_version_has_to_be_the_present_one(acme: Directory):
    user = acme.active_user()

    with pytest.raises(VersionMismatch) as error:
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"}, expected_version=1)
    assert error.value.data == {"expected": 1, "actual": 2}

    acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"}, expected_version=2)


def test_a_version_that_changes_after_the_load_is_a_mismatch_too(acme: Directory, monkeypatch: pytest.MonkeyPatch):
    user = acme.active_user()
    after_the_load(acme, monkeypatch, lambda: acme.do(UpdateUser, user_id=user, changes={"first_name": "Quick"}))
    with pytest.raises(VersionMismatch):
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Slow"}, expected_version=2)


def test_without_a_named_version_the_command_is_decided_anew(acme: Directory, monkeypatch: pytest.MonkeyPatch):
    user = acme.active_user()
    after_the_load(acme, monkeypatch, lambda: acme.do(DeactivateUser, user_id=user, reason=None))
    with pytest.raises(UserNotActive):
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Slow"})


def test_one_who_keeps_losing_gives_up(acme: Directory, monkeypatch: pytest.MonkeyPatch):
    user = acme.active_user()
    stale = acme.store.histories(acme.tenant, {user: 1})
    acme.do(UpdateUser, user_id=user, changes={"first_name": "Quick"})
    monkeypatch.setattr(acme.store, "histories", lambda *_: stale)

    with pytest.raises(ConcurrencyConflict):
        acme.do(UpdateUser, user_id=user, changes={"first_name": "Slow"})


def test_what_is_there_already_is_not_created_by_trying_again(acme: Directory):
    pauses: list[float] = []
    bus = CommandBus(acme.store, sleep=pauses.append)
    again = CreateTenant(tenant_id=acme.tenant, actor=ROOT, name="Acme", slug="another", plan="free")

    with pytest.raises(ConcurrencyConflict):
        bus.execute(again, metadata=METADATA)

    assert not pauses


def test_nothing_is_done_for_a_sender_who_is_being_deactivated(acme: Directory, monkeypatch: pytest.MonkeyPatch):
    owner = acme.active_user()
    sender = Actor(owner, acme.tenant, frozenset({"user"}))
    workspace = str(uuid4())
    acme.do(CreateWorkspace, actor=sender, workspace_id=workspace, name="Sales")
    after_the_load(acme, monkeypatch, lambda: acme.do(DeactivateUser, user_id=owner, reason=None))

    with pytest.raises(SenderDeactivated):
        acme.do(UpdateWorkspace, actor=sender, workspace_id=workspace, changes={"name": "Marketing"})


def test_a_member_is_not_added_while_it_is_being_deactivated(acme: Directory, monkeypatch: pytest.MonkeyPatch):
    owner, user = acme.active_user(), acme.active_user()
    admin = Actor(owner, acme.tenant, frozenset({"user"}))
    workspace = str(uuid4())
    acme.do(CreateWorkspace, actor=admin, workspace_id=workspace, name="Sales")
    after_the_load(acme, monkeypatch, lambda: acme.do(DeactivateUser, user_id=user, reason=None))
    with pytest.raises(UserNotActive):
        acme.do(AddMember, actor=admin, workspace_id=workspace, user_id=user, role="member")


def test_a_long_history_is_read_from_its_snapshot(acme: Directory):
    owner = acme.active_user()
    actor = Actor(owner, acme.tenant)
    workspace = acme.do(CreateWorkspace, actor=actor, workspace_id=str(uuid4()), name="Sales").id
    for number in range(101):
        acme.do(UpdateWorkspace, actor=actor, workspace_id=workspace, changes={"description": str(number)})

    snapshot, events = acme.store.histories(acme.tenant, {workspace: Workspace.snapshot_version})[workspace]
    assert snapshot
    assert snapshot.version == 100
    assert [event.version for event in events] == [101, 102]
    assert acme.do(UpdateWorkspace, actor=actor, workspace_id=workspace, changes={"description": "100"}).version == 102
    assert acme.do(UpdateWorkspace, actor=actor, workspace_id=workspace, changes={"description": "x"}).version == 103


def changed_a_hundred_times(acme: Directory) -> str:
    """A user of whom a snapshot is kept, and no event after it."""
    user = acme.active_user()
    for number in range(98):
        acme.do(UpdateUser, user_id=user, changes={"first_name": f"Ada {number}"})
    return user


def test_an_id_of_another_kind_of_thing_is_not_found_by_its_snapshot_either(acme: Directory):
    user = changed_a_hundred_times(acme)
    actor = Actor(acme.active_user(), acme.tenant, frozenset({"tenant_admin"}))

    with pytest.raises(WorkspaceNotFound):
        acme.do(AddMember, actor=actor, workspace_id=user, user_id=actor.id, role="member")
    with pytest.raises(WorkspaceNotFound):
        acme.do(UpdateWorkspace, actor=actor, workspace_id=user, changes={"name": "Sales"})
    assert acme.do(DeactivateUser, user_id=user, reason=None).version == 101


def test_a_command_is_done_and_told_of_where_its_snapshot_can_not_be_kept(
    acme: Directory, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise TimeoutError("no connection is free")

    monkeypatch.setattr(acme.store, "save_snapshot", full)

    user = changed_a_hundred_times(acme)

    assert acme.do(UpdateUser, user_id=user, changes={"first_name": "Grace"}).version == 101
    assert [position.offset for position, _ in acme.appended] == list(range(1, 103))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event_type": "user.exploded"}, "the type is unknown"),
        ({"schema_version": 99}, "it knows the versions up to 1"),
        ({"payload": {"colour": "blue"}}, "its payload has other fields"),
        ({"payload": "[1, 2"}, "its payload is not a JSON object that can be decoded"),
    ],
)
def test_what_another_release_has_written_is_told_of_as_such(
    acme: Directory, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], reason: str
):
    user, histories = acme.register().id, acme.store.histories

    def newer(*arguments: Any) -> dict[str, History]:
        (history,) = histories(*arguments).values()
        return {user: history._replace(events=[event._replace(**changes) for event in history.events])}

    monkeypatch.setattr(acme.store, "histories", newer)

    with pytest.raises(EventNotReadable, match=reason):
        acme.do(ActivateUser, user_id=user)


@pytest.mark.parametrize("role", ["admin", "super_admin"])
def test_who_was_deactivated_changes_nothing_in_its_tenant_whatever_its_token_says(acme: Directory, role: str):
    gone, other = acme.active_user(), acme.active_user()
    acme.do(DeactivateUser, user_id=gone, reason=None)
    sender = Actor(gone, acme.tenant, frozenset({role}))

    with pytest.raises(SenderDeactivated):
        acme.do(ActivateUser, actor=sender, user_id=gone)
    with pytest.raises(SenderDeactivated):
        acme.do(DeactivateUser, actor=sender, user_id=other, reason=None)
    with pytest.raises(SenderDeactivated):
        acme.bus.execute(replace(acme.registration(), actor=sender), metadata=METADATA)
    with pytest.raises(SenderDeactivated if role == "super_admin" else Forbidden):
        acme.do(ChangeTenant, actor=sender, name="Mine")
