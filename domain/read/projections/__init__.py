"""All projections. A new one is a file here and a line in PROJECTIONS."""

from __future__ import annotations

from domain.read.projection import Projection
from domain.read.projections.tenant_summaries import tenant_summaries
from domain.read.projections.users import users
from domain.read.projections.workspaces import workspaces

PROJECTIONS: tuple[Projection, ...] = (users, workspaces, tenant_summaries)
