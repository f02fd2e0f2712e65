"""The rules about tenants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from domain.model import fields
from domain.model.aggregate import Aggregate
from domain.model.claims import NO_CLAIMS, Claims, Quotas, Reservation
from domain.model.errors import ConcurrencyConflict, Forbidden, TenantNotFound
from domain.model.event import Event
from domain.model.plans import quotas_of
from domain.model.tenants.commands import ChangePlan, ChangeTenant, CreateTenant
from domain.model.tenants.events import TenantCreated, TenantPlanChanged, TenantUpdated


class Tenant(Aggregate):
    """A customer. Only a super_admin creates or changes one."""

    aggregate_type: ClassVar[str] = "tenant"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.name = ""
        self.slug = ""
        self.plan = ""
        self.quotas: dict[str, int] = {}

    def decide(self, command: Any, witness: Any = None) -> Sequence[Event]:  # noqa: ARG002
        if isinstance(command, CreateTenant):
            if self.version > 0:
                raise ConcurrencyConflict(aggregate_id=self.id, expected=0, actual=self.version)
        elif self.version == 0:
            raise TenantNotFound
        if not command.actor.is_super_admin:
            raise Forbidden
        match command:
            case CreateTenant():
                return [self._create(command)]
            case ChangeTenant():
                return self._change(command)
            case ChangePlan():
                return self._change_plan(command)
            case _:
                raise TypeError(f"{type(command).__name__} is not a command for a tenant")

    def claims(self, event: Event) -> Claims:
        match event:
            case TenantCreated():
                return Claims(reserve=(Reservation("tenant.slug", event.slug),), quotas=Quotas(**event.quotas))
            case TenantPlanChanged():
                return Claims(quotas=Quotas(**event.quotas))
            case _:
                return NO_CLAIMS

    def _apply(self, event: Event) -> None:
        match event:
            case TenantCreated():
                self.name, self.slug = event.name, event.slug
                self.plan, self.quotas = event.plan, event.quotas
            case TenantUpdated():
                self.name = event.changes.get("name", self.name)
            case TenantPlanChanged():
                self.plan, self.quotas = event.new_plan, event.quotas

    def _create(self, command: CreateTenant) -> Event:
        fields.uuid("tenant_id", command.tenant_id)
        return TenantCreated(
            name=fields.name("name", command.name),
            slug=fields.slug("slug", command.slug),
            plan=command.plan,
            quotas=_as_json(quotas_of(command.plan, command.quotas)),
        )

    def _change(self, command: ChangeTenant) -> Sequence[Event]:
        name = fields.name("name", command.name)
        return [] if name == self.name else [TenantUpdated(changes={"name": name})]

    def _change_plan(self, command: ChangePlan) -> Sequence[Event]:
        quotas = _as_json(quotas_of(command.plan, command.quotas))
        if (command.plan, quotas) == (self.plan, self.quotas):
            return []
        return [TenantPlanChanged(old_plan=self.plan, new_plan=command.plan, quotas=quotas)]


def _as_json(quotas: Quotas) -> dict[str, int]:
    return {"users": quotas.users, "workspaces": quotas.workspaces}
