"""Pausing and resuming projections."""

from __future__ import annotations

import json
from typing import Any

import structlog
from flask import Response

from domain.read.projection_states import ProjectionState
from web import failures
from web.admin.blueprint import blueprint
from web.admin.dead_letter_schemas import PauseBody, ProjectionStateView, ResumeBody
from web.context import actor, container

log = structlog.get_logger(__name__)


@blueprint.route("/projections/<name>/pause", methods=["POST"])
@blueprint.arguments(PauseBody)
@blueprint.response(200, ProjectionStateView)
def pause_projection(body: dict[str, Any], name: str) -> Response:
    """Fold nothing more into a projection until somebody resumes it"""
    return _answer(container().projection_switch.pause(name, body["reason"], actor().id))


@blueprint.route("/projections/<name>/resume", methods=["POST"])
@blueprint.arguments(ResumeBody)
@blueprint.response(200, ProjectionStateView)
def resume_projection(body: dict[str, Any], name: str) -> Response:
    """Let a projection go on"""
    state = container().projection_switch.resume(name, body["reason"], actor().id, park=body["park"])
    container().wake(container().engine.lagging_shards())
    return _answer(state)


def _answer(state: ProjectionState) -> Response:
    log.info("A projection was switched.", projection=state.name, state=state.state, by=state.changed_by)
    response = Response(json.dumps(failures.projection_state(state)), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
