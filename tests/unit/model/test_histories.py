"""What holds for every history that commands can make."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.model.actor import Actor
from domain.model.aggregate import Aggregate
from domain.model.aggregates import AGGREGATES
from domain.model.claims import Quotas, Reservation
from domain.model.command import Command
from domain.model.errors import DomainError
from domain.model.event import EVENT_TYPES, Event
from domain.model.plans import PLAN_NAMES
from domain.model.tenants.aggregate import Tenant
from domain.model.tenants.commands import ChangePlan, ChangeTenant, CreateTenant
from domain.model.users.aggregate import User
from domain.model.users.commands import ActivateUser, AddRole, DeactivateUser, RegisterUser, RemoveRole, UpdateUser
from domain.model.users.roles import ROLES
from domain.model.workspaces import roles
from domain.model.workspaces.aggregate import Workspace
from domain.model.workspaces.commands import (
    AddMember,
    ChangeMemberRole,
    CreateWorkspace,
    DeleteWorkspace,
    RemoveMember,
    UpdateWorkspace,
)

from .scenario import ALICE, BOB, CAROL, DAVE, TENANT, WORKSPACE, admin, alice, bob, carol, dave, fold, super_admin

PEOPLE = [ALICE, BOB, CAROL, DAVE]

actors = st.sampled_from([alice, bob, carol, dave, admin, super_admin])
people = st.sampled_from(PEOPLE)
names = st.sampled_from(["Plans", "Ideas", " Plans", "", "a\0"])
user_roles = st.sampled_from([*ROLES, "boss"])
member_roles = st.sampled_from([*roles.ROLES, "boss"])


def about(command: Any, *, actor: Any = actors, **fields: Any) -> st.SearchStrategy[Any]:
    return st.builds(command, tenant_id=st.just(TENANT), actor=actor, **fields)


plan_fields: dict[str, Any] = {
    "plan": st.sampled_from(PLAN_NAMES),
    "quotas": st.none() | st.builds(Quotas, st.integers(0, 3), st.integers(1, 2)),
}
profile = st.fixed_dictionaries(
    {}, optional={"first_name": names, "avatar": st.none() | st.just("http://a.b/c"), "language": st.just("de")}
)
details = st.fixed_dictionaries(
    {}, optional={"name": names, "is_public": st.booleans(), "settings": st.sampled_from([{}, {"a": 1}, {"a": [1.5]}])}
)
commands = st.one_of(
    about(CreateTenant, name=names, slug=st.just("acme"), **plan_fields),
    about(ChangeTenant, name=names),
    about(ChangePlan, **plan_fields),
    about(RegisterUser, user_id=people, email=st.just("A@b.example"), first_name=names, last_name=st.just("B")),
    about(UpdateUser, user_id=people, changes=profile),
    about(ActivateUser, user_id=people),
    about(DeactivateUser, user_id=people, reason=st.none() | st.just("left")),
    about(AddRole, user_id=people, role=user_roles),
    about(RemoveRole, user_id=people, role=user_roles),
)  # fmt: skip
workspace = {"workspace_id": st.just(WORKSPACE)}
workspace_commands = st.one_of(
    about(CreateWorkspace, name=names, is_public=st.booleans(), **workspace),
    about(UpdateWorkspace, changes=details, **workspace),
    about(AddMember, user_id=people, role=member_roles, **workspace),
    about(RemoveMember, user_id=people, **workspace),
    about(ChangeMemberRole, user_id=people, role=member_roles, **workspace),
)
deletion = about(DeleteWorkspace, **workspace)

#: Long histories would be rare if the first steps were left to chance, so they begin with what makes the rest possible.
openings = st.sampled_from(
    [
        [],
        [
            CreateTenant(tenant_id=TENANT, actor=super_admin, name="Acme", slug="acme", plan="free"),
            *(
                command
                for id in PEOPLE
                for command in (
                    RegisterUser(
                        tenant_id=TENANT, actor=admin, user_id=id, email="a@b.example", first_name="A", last_name="B"
                    ),
                    ActivateUser(tenant_id=TENANT, actor=admin, user_id=id),
                )
            ),
            CreateWorkspace(tenant_id=TENANT, actor=alice, workspace_id=WORKSPACE, name="Plans"),
            AddMember(tenant_id=TENANT, actor=alice, workspace_id=WORKSPACE, user_id=BOB, role="owner"),
            AddMember(tenant_id=TENANT, actor=alice, workspace_id=WORKSPACE, user_id=CAROL, role="admin"),
        ],
    ]
)
sequences = st.builds(
    lambda opening, rest, end, after: [*opening, *rest, *end, *after],
    openings,
    st.lists(commands | workspace_commands, max_size=40),
    st.lists(deletion, max_size=1),
    st.lists(workspace_commands, max_size=5),
)


class World:
    """All aggregates of a tenant, with their histories and with what they have claimed."""

    def __init__(self) -> None:
        self.aggregates: dict[str, Aggregate] = {}
        self.histories: dict[str, list[Event]] = {}
        self.reserved: set[tuple[str, Reservation]] = set()
        self.users = 0
        self.workspaces = 0

    def get(self, kind: str, id: str) -> Any:
        return self.aggregates.get(id) or AGGREGATES[kind](id)

    def run(self, command: Command) -> None:
        aggregate = self.get(command.aggregate_type, command.aggregate_id)
        witness = self.get("user", command.witness_id) if command.witness_id else None
        try:
            events = aggregate.decide(command, witness)
        except DomainError:
            return
        for event in events:
            self.claim(aggregate, event)
            aggregate.apply(event)
            self.aggregates[aggregate.id] = aggregate
            self.histories.setdefault(aggregate.id, []).append(event)

    def claim(self, aggregate: Aggregate, event: Event) -> None:
        claims = aggregate.claims(event)
        released = {(aggregate.id, reservation) for reservation in claims.release}
        taken = {(aggregate.id, reservation) for reservation in claims.reserve}
        assert released <= self.reserved, "what is given back was held"
        assert not taken & self.reserved, "what is taken was free"
        self.reserved = (self.reserved - released) | taken
        self.users += claims.users
        self.workspaces += claims.workspaces

    def check(self) -> None:
        living = []
        for aggregate in self.aggregates.values():
            match aggregate:
                case Workspace(deleted=False):
                    living.append(aggregate)
                    assert roles.OWNER in aggregate.members.values()
                    assert set(aggregate.members.values()) <= set(roles.ROLES)
                    held = {reservation.value for id, reservation in self.reserved if id == aggregate.id}
                    assert held == {aggregate.details["name"]}
                case Workspace():
                    assert not any(id == aggregate.id for id, _ in self.reserved)
                case User():
                    assert aggregate.status in ("pending", "active", "deactivated")
                    assert aggregate.roles[0] == "user"
                    assert len(set(aggregate.roles)) == len(aggregate.roles)
                case Tenant():
                    assert aggregate.quotas.keys() == {"users", "workspaces"}
        assert self.workspaces == len(living)
        assert self.users == sum(isinstance(aggregate, User) for aggregate in self.aggregates.values())


@given(sequences)
@settings(deadline=None, max_examples=200)
def test_no_sequence_of_commands_breaks_the_house(sequence: list[Command]) -> None:
    world = World()
    for command in sequence:
        world.run(command)
        world.check()


@given(sequences, st.integers(0, 1000))
@settings(deadline=None, max_examples=200)
def test_a_snapshot_and_the_rest_are_the_whole(sequence: list[Command], cut: int) -> None:
    world = World()
    for command in sequence:
        world.run(command)
    for id, history in world.histories.items():
        kind = type(world.aggregates[id])
        # Given a snapshot somewhere in the history, stored as JSON
        at = cut % (len(history) + 1)
        before = fold(kind(id), history[:at])
        stored = json.dumps(before.to_snapshot(), allow_nan=False)
        # When the rest is applied to what was stored
        restored = kind.from_snapshot(id, before.version, json.loads(stored))
        fold(restored, history[at:])
        # Then it is what all events make, and the snapshot hasn't changed meanwhile
        assert vars(restored) == vars(fold(kind(id), history))
        assert restored.version == len(history)


@given(sequences)
@settings(deadline=None, max_examples=50)
def test_events_are_the_same_after_they_were_stored(sequence: list[Command]) -> None:
    world = World()
    for command in sequence:
        world.run(command)
    for history in world.histories.values():
        for event in history:
            payload = json.loads(json.dumps(event.payload(), allow_nan=False))
            assert EVENT_TYPES[event.type].from_payload(payload) == event


def test_a_snapshot_shares_nothing_with_what_it_was_taken_of() -> None:
    world = World()
    for id, actor in ((ALICE, alice), (BOB, bob)):
        world.run(
            RegisterUser(tenant_id=TENANT, actor=admin, user_id=id, email="a@b.example", first_name="A", last_name="B")
        )
        world.run(ActivateUser(tenant_id=TENANT, actor=admin, user_id=actor.id))
    world.run(CreateWorkspace(tenant_id=TENANT, actor=alice, workspace_id=WORKSPACE, name="Plans"))
    snapshots = {id: aggregate.to_snapshot() for id, aggregate in world.aggregates.items()}
    stored = json.dumps(snapshots)
    twins = [type(world.aggregates[id]).from_snapshot(id, 1, state) for id, state in snapshots.items()]
    for command in (
        AddRole(tenant_id=TENANT, actor=admin, user_id=ALICE, role="admin"),
        UpdateUser(tenant_id=TENANT, actor=alice, user_id=ALICE, changes={"language": "de"}),
        AddMember(tenant_id=TENANT, actor=alice, workspace_id=WORKSPACE, user_id=BOB, role="viewer"),
        UpdateWorkspace(tenant_id=TENANT, actor=alice, workspace_id=WORKSPACE, changes={"name": "New"}),
    ):
        world.run(command)
        for twin in twins:
            if twin.id == command.aggregate_id:
                fold(twin, world.histories[twin.id][-1:])
    assert json.dumps(snapshots) == stored
    assert vars(world.aggregates[WORKSPACE]) != {**snapshots[WORKSPACE], "id": WORKSPACE}


def test_an_actor_with_an_unreadable_id_signs_nothing() -> None:
    stranger = Actor("a\0", None, frozenset({"super_admin"}))
    world = World()
    world.run(
        RegisterUser(tenant_id=TENANT, actor=admin, user_id=ALICE, email="a@b.example", first_name="A", last_name="B")
    )
    world.run(AddRole(tenant_id=TENANT, actor=stranger, user_id=ALICE, role="admin"))
    assert world.aggregates[ALICE].version == 1
