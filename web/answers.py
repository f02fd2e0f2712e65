"""The one way from a query to its answer: waiting for a position, validators, headers. All queries go this way."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from flask import Response, request, url_for

from domain.model.errors import NotCaughtUp, NotFound
from domain.model.position import Position
from domain.read.queries import QUERY_PROJECTIONS, Answer
from domain.read.waiting import About
from web import conditions
from web.context import container

#: The cursor is the last thing in a list's body. Further up the same name may stand in a workspace's settings.
_NEXT_CURSOR = re.compile(rb'"next_cursor"\s*:\s*"([A-Za-z0-9_=-]+)"\s*\}\s*\}\s*\Z')


def answer(query: str, tenant_id: str, *, missing: type[NotFound], **arguments: Any) -> Response:
    """Put the *query*, a method of Queries, and write what it says; nothing said is *missing*.

    Raises NotCaughtUp when the read models don't reach the client's Min-Position in time, or can't by waiting.
    """
    found = _fresh_enough(query, tenant_id, arguments)
    if found is None:
        raise missing
    # Not a secret's digest but a short name for the body.
    tag = hashlib.blake2b(found.body, digest_size=16).hexdigest()
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
        del response.headers["Content-Type"]
    else:
        response = Response(found.body, content_type="application/json")
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Event-Position"] = str(found.position)
    if (wait := conditions.preferred_wait()) is not None:
        response.headers["Preference-Applied"] = f"wait={wait}"
    if "cursor" in arguments and (cursor := _NEXT_CURSOR.search(found.body, max(0, len(found.body) - 256))):
        response.headers["Link"] = f'<{_next_page(cursor[1].decode())}>; rel="next"'
    return response


def _fresh_enough(query: str, tenant_id: str, arguments: dict[str, Any]) -> Answer | None:
    """Read, and wait only if what was read is older than the client's Min-Position."""
    wanted = conditions.min_position()
    ask = getattr(container().queries, query)
    found: Answer | None = ask(tenant_id, **arguments)
    if wanted is None:
        return found
    # Asked even if the position is reached: what is parked stays behind while everything else goes on.
    about = About(tenant_id, _aggregate(query, tenant_id, arguments))
    reached = container().waiter.wait(wanted, QUERY_PROJECTIONS[query], conditions.patience(), about)
    if reached and _has_reached(found, wanted):
        return found
    if reached:
        found = ask(tenant_id, **arguments)
        # A position of another tenant's shard can be waited for, but this answer's own says nothing about it.
        if found is None or found.position.shard != wanted.shard or _has_reached(found, wanted):
            return found
    raise NotCaughtUp(position=wanted)


def _aggregate(query: str, tenant_id: str, arguments: dict[str, Any]) -> str | None:
    """The one aggregate that the query is about; None for those that show many."""
    if query == "tenant_summary":
        return tenant_id
    found: str | None = arguments.get("user_id") or arguments.get("workspace_id")
    return found


def _has_reached(found: Answer | None, wanted: Position) -> bool:
    # Positions of two shards can't be compared, and what isn't there has no position.
    return found is not None and found.position.shard == wanted.shard and found.position >= wanted


def _next_page(cursor: str) -> str:
    """The path of the page after this one: the same question from the cursor on."""
    kept = {name: value for name, value in request.args.items() if name not in ("offset", "cursor")}
    return url_for(str(request.endpoint), **(request.view_args or {}), **kept, cursor=cursor)
