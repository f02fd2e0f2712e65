"""The first page: how the service is, what it does, and what needs somebody."""

from __future__ import annotations

from flask import Response

from web.context import container
from web.health.whole import whole
from web.operator import cache_numbers, hour
from web.operator.blueprint import blueprint
from web.operator.shown import shown, unless_out


@blueprint.route("")
@blueprint.route("/")
def overview() -> Response:
    """Show how the service is, and what it has done in the last hour"""
    health = whole(container())
    return shown(
        "overview.html",
        health,
        tiles=hour.tiles(container().telemetry.history()),
        cache=cache_numbers.numbers(container().caching.stats()),
        letters=unless_out(lambda: container().dead_letters.page(limit=5)),
    )
