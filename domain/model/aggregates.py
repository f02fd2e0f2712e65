"""All aggregates. Importing this makes all events known too."""

from __future__ import annotations

from domain.model.aggregate import Aggregate
from domain.model.tenants.aggregate import Tenant
from domain.model.users.aggregate import User
from domain.model.workspaces.aggregate import Workspace

AGGREGATES: dict[str, type[Aggregate]] = {
    aggregate.aggregate_type: aggregate for aggregate in (Tenant, User, Workspace)
}
