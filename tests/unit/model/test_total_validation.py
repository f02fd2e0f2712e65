"""Whatever a field of a command holds: it is refused as a DomainError, or becomes an event that can be stored."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.model.aggregate import Aggregate
from domain.model.aggregates import AGGREGATES
from domain.model.claims import Quotas
from domain.model.command import Command
from domain.model.errors import DomainError
from domain.model.tenants import commands as tenants
from domain.model.tenants.events import TenantCreated
from domain.model.users import commands as users
from domain.model.workspaces import commands as workspaces
from domain.model.workspaces.events import MemberAdded, WorkspaceCreated

from .scenario import ALICE, BOB, DAVE, TENANT, WORKSPACE, active_user, alice, fold, super_admin

HISTORIES: dict[str, list[Any]] = {
    "tenant": [TenantCreated(name="Acme", slug="acme", plan="free", quotas={"users": 5, "workspaces": 3})],
    "workspace": [
        WorkspaceCreated(name="Plans", description="", owner_id=ALICE, is_public=False, settings={}),
        MemberAdded(user_id=BOB, role="member"),
    ],
}

COMMANDS: list[Command] = [
    tenants.CreateTenant(tenant_id=TENANT, actor=super_admin, name="Acme", slug="acme", plan="free"),
    tenants.ChangeTenant(tenant_id=TENANT, actor=super_admin, name="New"),
    tenants.ChangePlan(tenant_id=TENANT, actor=super_admin, plan="custom", quotas=Quotas(1, 1)),
    users.RegisterUser(
        tenant_id=TENANT, actor=super_admin, user_id=BOB, email="b@example.com", first_name="B", last_name="C"
    ),
    users.UpdateUser(
        tenant_id=TENANT,
        actor=alice,
        user_id=ALICE,
        changes={"first_name": "A", "last_name": "B", "avatar": None, "timezone": "UTC", "language": "en"},
    ),
    users.DeactivateUser(tenant_id=TENANT, actor=super_admin, user_id=ALICE, reason="left"),
    users.AddRole(tenant_id=TENANT, actor=super_admin, user_id=ALICE, role="admin"),
    users.RemoveRole(tenant_id=TENANT, actor=super_admin, user_id=ALICE, role="admin"),
    workspaces.CreateWorkspace(tenant_id=TENANT, actor=alice, workspace_id=WORKSPACE, name="Plans"),
    workspaces.UpdateWorkspace(
        tenant_id=TENANT,
        actor=alice,
        workspace_id=WORKSPACE,
        changes={"name": "N", "description": "", "is_public": True, "settings": {}},
    ),
    workspaces.AddMember(tenant_id=TENANT, actor=alice, workspace_id=WORKSPACE, user_id=DAVE, role="member"),
    workspaces.RemoveMember(tenant_id=TENANT, actor=alice, workspace_id=WORKSPACE, user_id=BOB),
    workspaces.ChangeMemberRole(tenant_id=TENANT, actor=alice, workspace_id=WORKSPACE, user_id=BOB, role="viewer"),
]

CREATING = (tenants.CreateTenant, users.RegisterUser, workspaces.CreateWorkspace)

characters = st.characters() | st.characters(categories=["Cs", "Cc", "Cf"]) | st.sampled_from("\0@.:/-")
texts = st.text(characters) | st.builds(
    lambda start, odd, end: start + odd + end,
    st.sampled_from(["", "http://", "https://[", "a@b.", "en-", "Europe/", "acme-"]),
    st.text(characters, max_size=5),
    st.sampled_from(["", "\0", "\ud800", "x" * 3000, "]:99999999999"]),
)
anything = texts | st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([10**4000, -(2**63)]) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def aggregate_for(command: Command) -> Aggregate:
    if isinstance(command, CREATING):
        return AGGREGATES[command.aggregate_type](command.aggregate_id)
    if command.aggregate_type == "user":
        return active_user(ALICE)
    aggregate = AGGREGATES[command.aggregate_type](command.aggregate_id)
    return fold(aggregate, HISTORIES[command.aggregate_type])


def decided(command: Command) -> bool:
    """Whether *command* was accepted. A witness that can't be looked up is none, as in the command bus."""
    witness = command.witness_id and active_user(command.witness_id)
    try:
        events = aggregate_for(command).decide(command, witness)
    except DomainError as error:
        str(error).encode()
        return False
    for event in events:
        stored = json.dumps(event.payload(), allow_nan=False, ensure_ascii=False)
        stored.encode()
        assert "\\u0000" not in stored
        assert json.loads(stored) == event.payload()
    return True


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_the_commands_of_these_tests_are_good(command: Command) -> None:
    assert decided(command)


FIELDS = [
    (command, field.name)
    for command in COMMANDS
    for field in fields(command)
    if (
        field.name not in ("actor", "tenant_id")
        and (isinstance(command, CREATING) or field.name != f"{command.aggregate_type}_id")
    )
    or (field.name == "tenant_id" and isinstance(command, CREATING))
]


@pytest.mark.parametrize(
    ("command", "field"), FIELDS, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)
@given(value=anything)
@settings(deadline=None, max_examples=60)
def test_any_value_in_any_field(command: Any, field: str, value: Any) -> None:
    decided(replace(command, **{field: value}))


CHANGES = [(command, field) for command in COMMANDS for field in getattr(command, "changes", ())]


@pytest.mark.parametrize(
    ("command", "field"), CHANGES, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)
@given(value=anything)
@settings(deadline=None, max_examples=60)
def test_any_value_in_any_change(command: Any, field: str, value: Any) -> None:
    decided(replace(command, changes={field: value}))


@given(users=anything, workspaces=anything)
@settings(deadline=None)
def test_any_value_in_quotas(users: Any, workspaces: Any) -> None:
    decided(replace(COMMANDS[2], quotas=Quotas(users, workspaces)))  # type: ignore[call-arg]
