"""The language of these tests: given a history, when a command comes, then events or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from domain.model.actor import Actor
from domain.model.aggregate import Aggregate
from domain.model.aggregates import AGGREGATES
from domain.model.command import Command
from domain.model.errors import DomainError
from domain.model.event import Event
from domain.model.users.aggregate import User
from domain.model.users.events import UserActivated, UserDeactivated, UserRegistered


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


TENANT, OTHER_TENANT, WORKSPACE = uuid(1), uuid(2), uuid(3)
ALICE, BOB, CAROL, DAVE = uuid(11), uuid(12), uuid(13), uuid(14)

alice, bob, carol, dave = (Actor(id, TENANT) for id in (ALICE, BOB, CAROL, DAVE))
admin = Actor(uuid(21), TENANT, frozenset({"user", "admin"}))
admin_elsewhere = Actor(uuid(22), OTHER_TENANT, frozenset({"user", "admin"}))
super_admin = Actor(uuid(23), None, frozenset({"super_admin"}))


def fold(aggregate: Aggregate, events: Sequence[Event]) -> Any:
    for event in events:
        aggregate.apply(event)
    return aggregate


def registered(id: str, tenant_id: str = TENANT) -> UserRegistered:
    return UserRegistered(user_id=id, tenant_id=tenant_id, email="a@example.com", first_name="Ada", last_name="Byron")


def pending_user(id: str, tenant_id: str = TENANT) -> User:
    return fold(User(id), [registered(id, tenant_id)])


def active_user(id: str, tenant_id: str = TENANT) -> User:
    return fold(pending_user(id, tenant_id), [UserActivated(previous_status="pending")])


def deactivated_user(id: str) -> User:
    return fold(active_user(id), [UserDeactivated(previous_status="active", reason=None)])


def absent_user(id: str) -> User:
    return User(id)


def assert_events(
    history: Sequence[Event], command: Command, expected: Sequence[Event], witness: User | None = None
) -> None:
    """Given *history*, when *command* comes, then *expected* happens, and applies."""
    aggregate = fold(AGGREGATES[command.aggregate_type](command.aggregate_id), history)
    before = aggregate.to_snapshot()
    assert list(aggregate.decide(command, witness)) == list(expected)
    assert aggregate.to_snapshot() == before, "deciding changes nothing"
    fold(aggregate, expected)
    assert aggregate.version == len(history) + len(expected)


def assert_refused(
    history: Sequence[Event],
    command: Command,
    error: type[DomainError],
    witness: User | None = None,
    field: str | None = None,
) -> None:
    """Given *history*, when *command* comes, then it is refused with exactly *error*, for *field* if one is named."""
    aggregate = fold(AGGREGATES[command.aggregate_type](command.aggregate_id), history)
    with pytest.raises(DomainError) as refusal:
        aggregate.decide(command, witness)
    assert type(refusal.value) is error, refusal.value
    assert field is None or refusal.value.data["field"] == field
