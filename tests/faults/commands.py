"""Commands at random to eight tenants with thirty aggregates, sent through the command bus."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

import psycopg2
import sqlalchemy.exc

from domain.model.actor import Actor
from domain.model.command import Command
from domain.model.errors import ConcurrencyConflict, MemberNotFound, RuleBroken, SenderDeactivated, Unavailable
from domain.model.position import Position
from domain.model.tenants.commands import ChangeTenant, CreateTenant
from domain.model.users.commands import ActivateUser, AddRole, DeactivateUser, RegisterUser, RemoveRole, UpdateUser
from domain.model.workspaces.commands import AddMember, CreateWorkspace, RemoveMember, UpdateWorkspace
from domain.write.command_bus import CommandBus
from domain.write.outcome import Metadata

ROOT = Actor(id="root", tenant_id=None, roles=frozenset({"user", "super_admin"}))

#: Eight tenants, each with two users at least and six of them with a workspace: thirty aggregates.
TENANTS, USERS, WORKSPACES = 8, 16, 6

AWAY = (Unavailable, psycopg2.Error, sqlalchemy.exc.SQLAlchemyError)


class Home(NamedTuple):
    """A tenant and what it has."""

    tenant: str
    users: list[str]
    workspaces: list[str]


class Acknowledged(NamedTuple):
    """What a command answered: version of the aggregate, and position of its last event."""

    id: str
    version: int
    position: Position


def build(bus: CommandBus) -> list[Home]:
    """Make the thirty aggregates."""
    homes = []
    for number in range(TENANTS):
        home = Home(str(uuid4()), [str(uuid4()) for _ in range(USERS // TENANTS)], [])
        send(bus, CreateTenant(tenant_id=home.tenant, actor=ROOT, name="T", slug=f"tenant-{number}", plan="enterprise"))
        for user in home.users:
            email = f"{user}@example.com"
            names = {"first_name": "Ada", "last_name": "Lovelace"}
            send(bus, RegisterUser(tenant_id=home.tenant, actor=ROOT, user_id=user, email=email, **names))
            send(bus, ActivateUser(tenant_id=home.tenant, actor=ROOT, user_id=user))
        if number < WORKSPACES:
            home.workspaces.append(str(uuid4()))
            owner = Actor(home.users[0], home.tenant, frozenset({"user", "admin"}))
            send(bus, CreateWorkspace(tenant_id=home.tenant, actor=owner, workspace_id=home.workspaces[0], name="W"))
        homes.append(home)
    return homes


def send(bus: CommandBus, command: Command) -> Acknowledged:
    outcome = bus.execute(command, metadata=Metadata(correlation_id="fault"))
    return Acknowledged(outcome.id, outcome.version, outcome.position)


def storm(bus: CommandBus, homes: Sequence[Home], seed: int, count: int) -> list[Acknowledged]:
    """Send *count* commands that are carried out; return what was acknowledged. Others fail as they may."""
    chance, done = random.Random(seed), []
    while len(done) < count:
        if chance.random() < 0.05:
            time.sleep(chance.random() / 100)
        try:
            done.append(send(bus, something(chance, chance.choice(list(homes)))))
        except (RuleBroken, MemberNotFound, SenderDeactivated, ConcurrencyConflict):
            continue
        except AWAY:
            time.sleep(0.01)
    return done


def something(chance: random.Random, home: Home) -> Command:
    """A command about one of the aggregates of *home*, which its rules may forbid."""
    about = {"tenant_id": home.tenant, "actor": ROOT}
    user = chance.choice(home.users)
    what = chance.random()
    if what < 0.05:
        return ChangeTenant(**about, name=f"Name {what}")
    if what < 0.15:
        return DeactivateUser(**about, user_id=user, reason=None)
    if what < 0.35:
        return ActivateUser(**about, user_id=user)
    if what < 0.5:
        return chance.choice([AddRole, RemoveRole])(**about, user_id=user, role="admin")
    if what < 0.75 or not home.workspaces:
        return UpdateUser(**about, user_id=user, changes={"last_name": f"Name {what}"})
    workspace = home.workspaces[0]
    admin = Actor(home.users[0], home.tenant, frozenset({"user", "admin"}))
    if what < 0.85:
        return UpdateWorkspace(**about | {"actor": admin}, workspace_id=workspace, changes={"name": f"Name {what}"})
    if what < 0.93:
        return AddMember(**about | {"actor": admin}, workspace_id=workspace, user_id=home.users[1], role="member")
    return RemoveMember(**about | {"actor": admin}, workspace_id=workspace, user_id=home.users[1])
