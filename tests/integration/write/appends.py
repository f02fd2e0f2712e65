"""Short words for appends, in the terms of the domain."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from domain.model.claims import Claims, Quotas, Reservation
from domain.model.event import Event
from domain.model.tenants.events import TenantCreated, TenantPlanChanged
from domain.model.users.events import UserActivated, UserRegistered, UserUpdated
from domain.model.workspaces.events import WorkspaceUpdated
from domain.write.event_store import Append, IdempotencyRecord, NewEvent

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def append(tenant_id: str, *events: NewEvent, expected=None, idempotency=()) -> Append:
    """An append of *events*; unless said otherwise every aggregate is expected just before its first event."""
    if expected is None:
        expected = {}
        for new in events:
            expected.setdefault(new.aggregate_id, new.version - 1)
    return Append(
        tenant_id=tenant_id,
        occurred_at=NOW,
        events=events,
        expected=expected,
        metadata={"correlation_id": "test", "actor_id": "tester"},
        idempotency=idempotency,
    )


def new(type_: str, id: str, version: int, event: Event, claims: Claims | None = None) -> NewEvent:
    return NewEvent(str(uuid4()), type_, id, version, event, claims or Claims())


def tenant_created(tenant_id: str, slug: str | None = None, users: int = 5, workspaces: int = 3) -> NewEvent:
    slug = slug or f"t-{tenant_id[:8]}"
    quotas = Quotas(users, workspaces)
    event = TenantCreated(name="Acme", slug=slug, plan="custom", quotas={"users": users, "workspaces": workspaces})
    return new("tenant", tenant_id, 1, event, Claims(reserve=(Reservation("tenant.slug", slug),), quotas=quotas))


def plan_changed(tenant_id: str, version: int, users: int, workspaces: int) -> NewEvent:
    event = TenantPlanChanged(old_plan="custom", new_plan="custom", quotas={"users": users, "workspaces": workspaces})
    return new("tenant", tenant_id, version, event, Claims(quotas=Quotas(users, workspaces)))


def registered(tenant_id: str, email: str | None = None, user_id: str | None = None) -> NewEvent:
    user_id = user_id or str(uuid4())
    email = email or f"{user_id}@example.com"
    event = UserRegistered(user_id=user_id, tenant_id=tenant_id, email=email, first_name="Ada", last_name="Lovelace")
    return new("user", user_id, 1, event, Claims(reserve=(Reservation("user.email", email.casefold()),), users=1))


def activated(user_id: str, version: int = 2) -> NewEvent:
    return new("user", user_id, version, UserActivated(status="active", previous_status="pending"))


def renamed(user_id: str, version: int) -> NewEvent:
    return new("user", user_id, version, UserUpdated(changes={"first_name": f"Name {version}"}))


def workspace_renamed(id: str, version: int, old: str, name: str) -> NewEvent:
    claims = Claims(reserve=(Reservation("workspace.name", name),), release=(Reservation("workspace.name", old),))
    return new("workspace", id, version, WorkspaceUpdated(changes={"name": name}), claims)


def answer(key: str, id: str = "x", ordinal: int = 0, fingerprint: str = "f") -> IdempotencyRecord:
    response = {"id": id, "version": 1} | ({} if ordinal else {"position": "0-0"})
    return IdempotencyRecord(key, fingerprint, response, ordinal)
