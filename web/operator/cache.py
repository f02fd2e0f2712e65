"""The cache: what it does, what it has to forget, and what it has to load."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, request, url_for

from domain.cache.keys import KINDS
from domain.cache.warm_ups import WarmUpNotFound
from web import operations
from web.admin.cache_schemas import MOST_KEYS, InvalidateBody, WarmUpBody
from web.context import actor, container
from web.errors import ValidationFailed
from web.operator import cache_numbers, forms
from web.operator.blueprint import blueprint
from web.operator.shown import shown, unless_out


@blueprint.route("/cache")
def cache() -> Response:
    """Show what the caches of all processes do, and how far a warm-up is"""
    return shown(
        "cache.html",
        cache=cache_numbers.numbers(container().caching.stats()),
        warm_up=unless_out(_warm_up),
        kinds=list(KINDS),
        most=MOST_KEYS,
        tenant_id=request.args.get("tenant_id", ""),
    )


@blueprint.route("/cache/invalidate", methods=["POST"])
def invalidate_cache() -> Response:
    """Let nothing be answered any more from what is cached now"""
    form = {name: value.strip() for name, value in request.form.items()}
    what = form.get("what", "")
    named: dict[str, Any] = {"tenant_id": form.get("tenant_id")}
    if what == "tags":
        named["tags"] = [tag for tag in re.split(r"[\s,]+", form.get("tags", "")) if tag]
    elif what in ("key", "class", "pattern"):
        named[what] = form.get(what)
    cleared = operations.invalidate(**forms.loaded(InvalidateBody, **named))
    of = "all tenants" if cleared.tenants is None else f"{cleared.tenants:,} tenant{'s' * (cleared.tenants != 1)}"
    return forms.done(f"What was cached of {of} by {', '.join(cleared.tags)} is not answered any more.")


@blueprint.route("/cache/warm-up", methods=["POST"])
def warm_cache_up() -> Response:
    """Ask for what is asked most to be loaded"""
    limit = request.form.get("limit", "").strip()
    if limit and not (limit.isascii() and limit.isdigit() and len(limit) < 10):
        raise ValidationFailed(errors={"limit": ["it must be a whole number"]})
    tenant_id = request.form.get("tenant_id", "").strip()
    body = forms.loaded(WarmUpBody, tenant_id=tenant_id, limit=int(limit) if limit else None)
    job = container().caching.warm_ups.ask(by=actor().id, **body)
    return forms.done("The clock warms the cache up.", url_for("operator.cache", warm_up=job["id"]))


def _warm_up() -> dict[str, Any] | None:
    try:
        return container().caching.warm_ups.progress(request.args.get("warm_up", ""))
    except WarmUpNotFound:
        return None
