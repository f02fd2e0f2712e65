"""Whether the service lives, is ready, and how its parts are. Open to all, so it tells nothing secret."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response

from web.blueprint import Blueprint
from web.context import container
from web.fresh import fresh
from web.health import checks
from web.health.schemas import HealthView, LiveView, ReadyView
from web.health.whole import whole

blueprint = Blueprint("health", __name__, url_prefix="/health", description="How the service is")


@blueprint.route("/live")
@blueprint.response(200, LiveView)
def live() -> Response:
    """Answer, which a process that hangs does not"""
    return _answer(200, {"status": "live"})


@blueprint.route("/ready")
@blueprint.response(200, ReadyView)
@blueprint.alt_response(503, schema=ReadyView, description="Not ready")
def ready() -> Response:
    """Say whether requests can be served: both schemas are reachable and migrated"""
    parts = checks.together(
        container(),
        {
            "write_schema": partial(checks.schema, container().write_pool, "write"),
            "read_schema": partial(checks.schema, container().query_pool, "read"),
        },
    )
    fit = all(part["status"] == checks.UP for part in parts.values())
    return _answer(200 if fit else 503, {"status": "ready" if fit else "not ready", "parts": parts})


@blueprint.route("/cqrs")
@blueprint.response(200, HealthView)
@blueprint.alt_response(503, schema=HealthView, description="Unhealthy")
def cqrs() -> Response:
    """Say how each part is: healthy, degraded (all requests are still served) or unhealthy, and why"""
    found = whole(container())
    body = {"status": found.verdict, "reasons": [reason.words for reason in found.reasons], "parts": found.parts}
    return _answer(503 if found.verdict == "unhealthy" else 200, body)


def _answer(status: int, body: dict[str, Any]) -> Response:
    return fresh(body, status, {"Retry-After": "1"} if status == 503 else None)
