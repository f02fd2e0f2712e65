"""Commands, folds and queries all at once, in threads of this process."""

from __future__ import annotations

import random
import time
from threading import Event, Thread
from typing import Self
from uuid import uuid4

from domain.bootstrap import Container, bootstrap
from domain.model.actor import Actor
from domain.model.errors import DomainError
from domain.model.position import shard_of
from domain.model.tenants.commands import CreateTenant
from domain.model.users.commands import ActivateUser, RegisterUser, UpdateUser
from domain.model.workspaces.commands import AddMember, CreateWorkspace
from domain.read.errors import is_transient
from domain.settings import Settings
from domain.write.outcome import Metadata

ROOT = Actor(id=str(uuid4()), tenant_id=None, roles=frozenset({"user", "super_admin"}))


class Storm:
    """Tenants in which users are registered, changed and brought together without a pause, while workers fold what
    happens and readers look at it. What a reader sees must never go back."""

    def __init__(self, settings: Settings, tenants: int = 6, writers: int = 2, workers: int = 2) -> None:
        self.container: Container = bootstrap(settings)
        # The threads would make them at the same time.
        _ = self.container.command_bus, self.container.engine, self.container.queries
        self.tenants = [str(uuid4()) for _ in range(tenants)]
        self.users: dict[str, list[str]] = {tenant: [] for tenant in self.tenants}
        self.commands = self.queries = 0
        self.faults: list[str] = []
        self._ends = Event()
        jobs = [*[self._write] * writers, *[self._fold] * workers, self._read]
        self._threads = [Thread(target=job, daemon=True) for job in jobs]

    def __enter__(self) -> Self:
        for number, tenant in enumerate(self.tenants):
            slug = f"storm-{number}-{tenant[:8]}"
            self._send(CreateTenant(tenant_id=tenant, actor=ROOT, name=slug, slug=slug, plan="enterprise"))
            self._user(tenant)
        self._fold_once()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()
        self._fold_once()

    def close(self) -> None:
        self.container.close()

    def _send(self, command: object) -> None:
        self.container.command_bus.execute(command, metadata=Metadata(correlation_id=str(uuid4())))  # type: ignore[arg-type]
        self.commands += 1

    def _user(self, tenant: str) -> None:
        id = str(uuid4())
        self._send(
            RegisterUser(
                tenant_id=tenant, actor=ROOT, user_id=id, email=f"{id}@example.com", first_name="A", last_name="B"
            )
        )
        self._send(ActivateUser(tenant_id=tenant, actor=ROOT, user_id=id))
        self.users[tenant].append(id)

    def _write(self) -> None:
        chance = random.Random()
        # A pause, so that what has to be compared at the end doesn't grow without measure.
        while not self._ends.wait(0.005):
            tenant = chance.choice(self.tenants)
            user = chance.choice(self.users[tenant])
            try:
                what = chance.random()
                if what < 0.3:
                    self._user(tenant)
                elif what < 0.8:
                    changes = {"first_name": f"Name {what}"}
                    self._send(UpdateUser(tenant_id=tenant, actor=ROOT, user_id=user, changes=changes))
                else:
                    self._workspace(tenant, user, chance.choice(self.users[tenant]))
            except DomainError:
                continue

    def _workspace(self, tenant: str, owner: str, member: str) -> None:
        id = str(uuid4())
        actor = Actor(id=owner, tenant_id=tenant, roles=frozenset({"user"}))
        self._send(CreateWorkspace(tenant_id=tenant, actor=actor, workspace_id=id, name=id))
        self._send(AddMember(tenant_id=tenant, actor=actor, workspace_id=id, user_id=member, role="member"))

    def _fold(self) -> None:
        while not self._ends.is_set():
            try:
                for shard in {shard_of(tenant) for tenant in self.tenants}:
                    self.container.engine.run(shard)
            except Exception as error:
                if not is_transient(error):
                    self.faults.append(f"worker: {error!r}")
                    return

    def _fold_once(self) -> None:
        for shard in {shard_of(tenant) for tenant in self.tenants}:
            deadline = time.monotonic() + 30
            while self.container.engine.catch_up(shard, 30).behind and time.monotonic() < deadline:
                pass

    def _read(self) -> None:
        """Ask for what was there before: it has to be there, and as of no earlier position."""
        seen: dict[str, int] = {}
        old = {tenant: users[0] for tenant, users in self.users.items()}
        while not self._ends.is_set():
            for tenant, user in old.items():
                for query in ("user", "tenant_summary", "users_of_tenant", "dashboard"):
                    arguments = {"user_id": user} if query == "user" else {}
                    try:
                        answer = self.container.queries.read(query, tenant, **arguments)
                    except Exception as error:
                        self.faults.append(f"{query}: {error!r}")
                        return
                    key = f"{query} {tenant}"
                    if answer.body is None:
                        self.faults.append(f"{key}: nothing there")
                    elif answer.position.offset < seen.get(key, 0):
                        self.faults.append(f"{key}: back from {seen[key]} to {answer.position.offset}")
                    else:
                        seen[key] = answer.position.offset
                    self.queries += 1
