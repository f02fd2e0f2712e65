"""How the projections are."""

from __future__ import annotations

from flask import Response

from web.admin.blueprint import blueprint
from web.admin.schemas import ProjectionsStatusView
from web.context import container
from web.fresh import fresh
from web.schemas import NoArguments


@blueprint.route("/projections/status")
@blueprint.arguments(NoArguments, location="query", as_kwargs=True)
@blueprint.response(200, ProjectionsStatusView)
def projections_status() -> Response:
    """Show how each projection, the workers and the clock are, and what that means"""
    status = container().monitor.status()
    health = container().monitor.health(status)
    return fresh({"status": health.verdict, "reasons": health.reasons, **status})
