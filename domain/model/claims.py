"""What an event claims beyond its own aggregate: unique values, and a share of the tenant's plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Scope = Literal["tenant.slug", "user.email", "workspace.name"]


@dataclass(frozen=True, slots=True)
class Reservation:
    """*value* is unique within *scope*: among all tenants for a slug, within its tenant for the others."""

    scope: Scope
    value: str


@dataclass(frozen=True, slots=True)
class Quotas:
    """How many users and workspaces a plan allows."""

    users: int
    workspaces: int


@dataclass(frozen=True, slots=True)
class Claims:
    """Taken and given back in the transaction that appends the event; refused together with it.

    *users* and *workspaces* change the tenant's use; *quotas* sets what it may use (with ``tenant.created`` and
    ``tenant.plan_changed`` only).
    """

    reserve: tuple[Reservation, ...] = ()
    release: tuple[Reservation, ...] = ()
    users: int = 0
    workspaces: int = 0
    quotas: Quotas | None = field(default=None)


NO_CLAIMS = Claims()
