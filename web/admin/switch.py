"""Pausing and resuming projections."""

from __future__ import annotations

from typing import Any

from flask import Response

from web import failures, operations
from web.admin.blueprint import blueprint
from web.admin.dead_letter_schemas import PauseBody, ProjectionStateView, ResumeBody
from web.fresh import fresh


@blueprint.route("/projections/<name>/pause", methods=["POST"])
@blueprint.arguments(PauseBody)
@blueprint.response(200, ProjectionStateView)
def pause_projection(body: dict[str, Any], name: str) -> Response:
    """Fold nothing more into a projection until somebody resumes it"""
    return fresh(failures.projection_state(operations.pause(name, body["reason"])))


@blueprint.route("/projections/<name>/resume", methods=["POST"])
@blueprint.arguments(ResumeBody)
@blueprint.response(200, ProjectionStateView)
def resume_projection(body: dict[str, Any], name: str) -> Response:
    """Let a projection go on"""
    return fresh(failures.projection_state(operations.resume(name, body["reason"], park=body["park"])))
