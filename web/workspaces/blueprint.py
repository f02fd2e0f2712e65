"""The endpoints about workspaces."""

from __future__ import annotations

from web.blueprint import Blueprint

blueprint = Blueprint(
    "workspaces", __name__, url_prefix="/api/v1/workspaces", description="Workspaces and their members"
)
