"""The endpoints for those who run the service."""

from __future__ import annotations

from web.blueprint import Blueprint

blueprint = Blueprint("admin", __name__, url_prefix="/api/v1/admin/cqrs", description="Running the service")
