"""The bases that the model stands on: positions, errors, actors, events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.model import errors
from domain.model.actor import Actor
from domain.model.errors import DomainError, InvalidPosition
from domain.model.event import EVENT_TYPES, ChangeEvent
from domain.model.position import SHARDS, Position, shard_of
from domain.model.users.events import UserUpdated
from domain.model.workspaces.events import WorkspaceCreated

from .scenario import OTHER_TENANT, TENANT, admin, alice, super_admin


@pytest.mark.parametrize("text", ["0-0", "17-4211", "255-999999999999999999"])
def test_a_position_is_written_and_read(text: str) -> None:
    assert str(Position.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "17", "17-", "-1", "256-1", "17-4211\n", " 17-1", "17--1", "1٧-1", "1-" + "9" * 19]
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(InvalidPosition):
        Position.parse(text)


def test_positions_of_one_shard_are_ordered() -> None:
    assert Position(17, 9) < Position(17, 10)


def test_the_shard_of_a_key_never_changes() -> None:
    assert [shard_of(key) for key in ("", "acme", "é")] == [0xE3, 0x82, 0x4A]
    assert {shard_of(str(number)) for number in range(5000)} == set(range(SHARDS))


def all_errors(base: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """The errors of the model; other rooms have their own, with data of their own."""
    for error in base.__subclasses__():
        if error.__module__.startswith("domain.model"):
            yield error
        yield from all_errors(error)


DATA = {
    "field": "name", "reason": "no {braces}", "limit": 5, "used": 6, "resource": "users", "expected": 1, "actual": 2,
    "position": Position(17, 4211), "event_type": "user.registered", "schema_version": 2, "text": "x",
    "aggregate_id": "a", "prospect": "It is tried again.", "projection": "users",
}  # fmt: skip


@pytest.mark.parametrize("error", sorted(set(all_errors()), key=lambda error: error.__name__))
def test_every_error_has_a_sentence_and_a_code_of_its_own(error: type[DomainError]) -> None:
    message = str(error(**DATA))
    assert message.endswith(".")
    assert "{" not in message.replace("{braces}", "")
    assert error.code.replace("_", "") == error.__name__.lower()
    assert error(**DATA).data == DATA
    assert error is not errors.Invalid or error(**DATA).field == "name"  # type: ignore[attr-defined]


def test_the_codes_of_errors_are_unique() -> None:
    codes = [error.code for error in set(all_errors())]
    assert len(codes) == len(set(codes))


def test_who_administers_a_tenant() -> None:
    assert admin.administers(TENANT)
    assert super_admin.administers(TENANT)
    assert not admin.administers(OTHER_TENANT)
    assert not alice.administers(TENANT)
    assert not Actor(alice.id, None, frozenset({"admin"})).administers(TENANT)


def test_an_event_is_the_same_after_its_payload() -> None:
    event = WorkspaceCreated(name="Plans", description="", owner_id=alice.id, is_public=False, settings={"a": [1]})
    assert WorkspaceCreated.from_payload(event.payload()) == event
    with pytest.raises(TypeError):
        WorkspaceCreated.from_payload({**event.payload(), "colour": "red"})


def test_the_payload_of_a_change_is_the_changed_fields_themselves() -> None:
    event = UserUpdated(changes={"avatar": None})
    assert event.payload() == {"avatar": None}
    assert UserUpdated.from_payload({"avatar": None}) == event
    assert issubclass(UserUpdated, ChangeEvent)


def test_the_events_of_the_contract_are_all_there() -> None:
    assert {name for name, event in EVENT_TYPES.items() if event.__module__.startswith("domain.")} == {
        "tenant.created", "tenant.updated", "tenant.plan_changed",
        "user.registered", "user.activated", "user.deactivated", "user.updated", "user.role_changed",
        "workspace.created", "workspace.updated", "workspace.deleted",
        "workspace.member_added", "workspace.member_removed", "workspace.member_role_changed",
    }  # fmt: skip
