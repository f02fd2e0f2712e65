"""The projections: how each is, and switching it off and on."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, request

from domain.read.rebuild.errors import RebuildNotFound
from web import operations
from web.admin.dead_letter_schemas import PauseBody, ResumeBody
from web.context import container
from web.health.whole import whole
from web.operator import forms
from web.operator.blueprint import blueprint
from web.operator.shown import shown, unless_out


@blueprint.route("/projections")
def projections() -> Response:
    """Show how each projection is, and how far its rebuild"""
    health = whole(container())
    names = [each["projection"] for each in health.status["projections"]] if health.status else []
    rebuilds = {name: unless_out(partial(_rebuild, name)) for name in names}
    return shown("projections.html", health, rebuilds=rebuilds)


@blueprint.route("/projections/<name>/pause", methods=["POST"])
def pause_projection(name: str) -> Response:
    """Fold nothing more into a projection"""
    body = forms.loaded(PauseBody, reason=request.form.get("reason"))
    state = operations.pause(name, body["reason"])
    return forms.done(f"{state.name} is paused. Its rows stay as they are until somebody resumes it.")


@blueprint.route("/projections/<name>/resume", methods=["POST"])
def resume_projection(name: str) -> Response:
    """Let a projection go on"""
    body = forms.loaded(ResumeBody, reason=request.form.get("reason"), park="park" in request.form)
    state = operations.resume(name, body["reason"], park=body["park"])
    parks = ", and parks whatever fails for ten minutes" if body["park"] else ""
    return forms.done(f"{state.name} goes on{parks}.")


def _rebuild(name: str) -> dict[str, Any] | None:
    try:
        return container().rebuilder.progress(name)
    except RebuildNotFound:
        return None
