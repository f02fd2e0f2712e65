"""What happens to tenants."""

from __future__ import annotations

from dataclasses import dataclass

from domain.model.event import ChangeEvent, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantCreated(Event, type="tenant.created"):
    """*quotas*: ``{"users": n, "workspaces": n}``."""

    name: str
    slug: str
    plan: str
    quotas: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantUpdated(ChangeEvent, type="tenant.updated"):
    """Of name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPlanChanged(Event, type="tenant.plan_changed"):
    """*quotas*: what the new plan allows."""

    old_plan: str
    new_plan: str
    quotas: dict[str, int]
