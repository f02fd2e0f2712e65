"""The endpoints about users."""

from __future__ import annotations

from web.blueprint import Blueprint

blueprint = Blueprint("users", __name__, url_prefix="/api/v1/users", description="The users of a tenant")
