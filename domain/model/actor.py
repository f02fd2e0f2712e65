"""Who sends a command or asks a query."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A verified principal: its *id*, its tenant (None only for a super_admin) and its roles."""

    id: str
    tenant_id: str | None
    roles: frozenset[str] = frozenset({"user"})

    @property
    def is_super_admin(self) -> bool:
        return "super_admin" in self.roles

    @property
    def principal(self) -> str:
        """One name for the tenant and the id together."""
        return f"{self.tenant_id}\n{self.id}"

    def administers(self, tenant_id: str) -> bool:
        """Whether this is an admin of the tenant, or a super_admin."""
        return self.is_super_admin or (self.tenant_id == tenant_id and "admin" in self.roles)
