"""How the projections are."""

from __future__ import annotations

import json

from flask import Response

from web.admin.blueprint import blueprint
from web.admin.schemas import ProjectionsStatusView
from web.context import container
from web.schemas import NoArguments


@blueprint.route("/projections/status")
@blueprint.arguments(NoArguments, location="query", as_kwargs=True)
@blueprint.response(200, ProjectionsStatusView)
def projections_status() -> Response:
    """Show each projection's state, what it has applied and how far it is behind"""
    response = Response(json.dumps({"projections": container().engine.status()}), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
