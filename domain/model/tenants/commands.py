"""What one may want done to a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from domain.model.claims import Quotas
from domain.model.command import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantCommand(Command):
    aggregate_type: ClassVar[str] = "tenant"

    @property
    def aggregate_id(self) -> str:
        return self.tenant_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTenant(TenantCommand):
    """*quotas* goes with the plan custom only."""

    creates: ClassVar[bool] = True

    name: str
    slug: str
    plan: str
    quotas: Quotas | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTenant(TenantCommand):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan(TenantCommand):
    """*quotas* goes with the plan custom only."""

    plan: str
    quotas: Quotas | None = None
