"""A tenant, and the few commands that the tests of the command bus need."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.model.actor import Actor
from domain.model.claims import Quotas
from domain.model.position import Position, shard_of
from domain.model.tenants.commands import CreateTenant
from domain.model.users.commands import ActivateUser, RegisterUser
from domain.write.command_bus import CommandBus
from domain.write.event_store import EventStore
from domain.write.outcome import Metadata, Outcome

ROOT = Actor("root", None, frozenset({"super_admin"}))


METADATA = Metadata(correlation_id="c-1", traceparent="00-1")


class Directory:
    """A tenant, and the few commands that these tests need."""

    def __init__(self, store: EventStore, users: int = 100) -> None:
        self.appended: list[tuple[Position, int]] = []
        self.store = store
        self.bus = CommandBus(store, on_appended=lambda position, count: self.appended.append((position, count)))
        self.tenant = str(uuid4())
        quotas = Quotas(users, 10)
        self.do(CreateTenant, name="Acme", slug=f"t-{self.tenant[:8]}", plan="custom", quotas=quotas)

    def do(self, command, actor: Actor = ROOT, expected_version=None, idempotency=None, **fields) -> Outcome:
        made = command(tenant_id=self.tenant, actor=actor, **fields)
        return self.bus.execute(made, metadata=METADATA, expected_version=expected_version, idempotency=idempotency)

    def registration(self, email: str | None = None) -> RegisterUser:
        id = str(uuid4())
        email = email or f"{id}@example.com"
        return RegisterUser(
            tenant_id=self.tenant, actor=ROOT, user_id=id, email=email, first_name="Ada", last_name="Lovelace"
        )

    def register(self, **options) -> Outcome:
        return self.bus.execute(self.registration(), metadata=METADATA, **options)

    def active_user(self) -> str:
        id = self.register().id
        self.do(ActivateUser, user_id=id)
        return id

    @property
    def head(self) -> int:
        return self.store.head(shard_of(self.tenant))


def after_the_load(acme: Directory, monkeypatch: pytest.MonkeyPatch, interfere) -> None:
    """Let somebody else be quicker, once: *interfere* between the next load and its append."""
    pending, histories = iter([interfere]), acme.store.histories

    def load(*arguments):
        loaded = histories(*arguments)
        next(pending, lambda: None)()
        return loaded

    monkeypatch.setattr(acme.store, "histories", load)
