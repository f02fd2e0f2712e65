"""The processes: web, workers and clock, and the clock's jobs."""

from __future__ import annotations

from flask import Response

from web.context import container
from web.operator.blueprint import blueprint
from web.operator.shown import shown


@blueprint.route("/processes")
def processes() -> Response:
    """Show which processes live, and how the clock's jobs went"""
    return shown("processes.html", processes=container().telemetry.look().processes)
