"""The cache: what it does, what it has to forget, and what it has to load."""

from __future__ import annotations

from typing import Any

from flask import Response

from web import operations
from web.admin.blueprint import blueprint
from web.admin.cache_schemas import CacheStatsView, InvalidateBody, InvalidatedView, WarmUpBody, WarmUpView
from web.context import actor, container
from web.fresh import fresh
from web.openapi import headers
from web.schemas import NoArguments


@blueprint.route("/cache/stats")
@blueprint.arguments(NoArguments, location="query", as_kwargs=True)
@blueprint.response(200, CacheStatsView)
def cache_stats() -> Response:
    """Show what the caches of all processes do, by level and query"""
    return fresh(container().caching.stats())


@blueprint.route("/cache/invalidate", methods=["POST"])
@blueprint.arguments(InvalidateBody)
@blueprint.response(200, InvalidatedView)
def invalidate_cache(body: dict[str, Any]) -> Response:
    """Let nothing be answered any more from what is cached now: of a tenant, a tag, a key, a class or a pattern

    A pattern is the beginning of keys and a `*`. It may reach further than it says, never less far.
    """
    cleared = operations.invalidate(**body)
    return fresh({"tenants": cleared.tenants, "tags": list(cleared.tags)})


@blueprint.route("/cache/warmup", methods=["POST"])
@blueprint.arguments(WarmUpBody)
@blueprint.response(202, WarmUpView, headers=headers.references("Location"))
def warm_cache_up(body: dict[str, Any]) -> Response:
    """Ask for what is asked most to be loaded; the clock does it"""
    job = container().caching.warm_ups.ask(by=actor().id, **body)
    return fresh(job, 202, {"Location": f"{blueprint.url_prefix}/cache/warmup/{job['id']}"})


@blueprint.route("/cache/warmup/<name:warmup_id>")
@blueprint.arguments(NoArguments, location="query", as_kwargs=True)
@blueprint.response(200, WarmUpView)
def show_warm_up(warmup_id: str) -> Response:
    """Show how far a warm-up is"""
    return fresh(container().caching.warm_ups.progress(warmup_id))
