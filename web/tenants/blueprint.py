"""The endpoints about tenants."""

from __future__ import annotations

from web.blueprint import Blueprint

blueprint = Blueprint("tenants", __name__, url_prefix="/api/v1/tenants", description="Tenants, their plans and totals")
