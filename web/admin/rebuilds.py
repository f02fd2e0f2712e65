"""Rebuilding projections, repairing and verifying their rows."""

from __future__ import annotations

from typing import Any

from flask import Response

from web.admin.blueprint import blueprint
from web.admin.rebuild_schemas import (
    RebuildBody,
    RebuildView,
    RepairBody,
    RepairView,
    VerificationsView,
    VerifyBody,
)
from web.context import actor, container
from web.fresh import fresh
from web.openapi import headers
from web.schemas import NoArguments, NoBody


@blueprint.route("/projections/<name>/rebuild", methods=["POST"])
@blueprint.arguments(RebuildBody)
@blueprint.response(202, RebuildView, headers=headers.references("Location"))
def start_rebuild(body: dict[str, Any], name: str) -> Response:
    """Begin to rebuild a projection from its events, while it goes on to be read

    The workers begin within a second; GET shows how far they are.
    """
    progress = container().rebuilder.start(name, by=actor().id, **body)
    return fresh(progress, 202, {"Location": f"{blueprint.url_prefix}/projections/{name}/rebuild"})


@blueprint.route("/projections/<name>/rebuild", methods=["GET"])
@blueprint.arguments(NoArguments, location="query", as_kwargs=True)
@blueprint.response(200, RebuildView)
def show_rebuild(name: str) -> Response:
    """Show how far the latest rebuild of a projection is, or how it ended"""
    return fresh(container().rebuilder.progress(name))


@blueprint.route("/projections/<name>/rebuild", methods=["DELETE"])
@blueprint.arguments(NoBody)
@blueprint.response(200, RebuildView)
def cancel_rebuild(_body: dict[str, Any], name: str) -> Response:
    """Call the running rebuild off"""
    return fresh(container().rebuilder.cancel(name))


@blueprint.route("/projections/<name>/rollback", methods=["POST"])
@blueprint.arguments(NoBody)
@blueprint.response(200, RebuildView)
def roll_back_rebuild(_body: dict[str, Any], name: str) -> Response:
    """Put the rows from before the last rebuild back at once; they catch up from where they stood"""
    return fresh(container().rebuilder.way_back(name, by=actor().id))


@blueprint.route("/projections/<name>/repair", methods=["POST"])
@blueprint.arguments(RepairBody)
@blueprint.response(200, RepairView)
def repair_aggregate(body: dict[str, Any], name: str) -> Response:
    """Fold the events of one aggregate again, and put its rows right in place"""
    return fresh(container().repair.repair(name, **body))


@blueprint.route("/projections/verify", methods=["POST"])
@blueprint.arguments(VerifyBody)
@blueprint.response(200, VerificationsView)
def verify_projections(body: dict[str, Any]) -> Response:
    """Fold a sample of aggregates again and compare the result with the rows"""
    return fresh({"verifications": container().verifier.sample(body["sample"], body["projections"])})
