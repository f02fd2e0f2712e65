"""The one way from a query to its answer: waiting for a position, the cache, validators. All queries go this way.

Whoever comes here has been let through by web.authorization, to a tenant that web.tenancy has checked.
"""

from __future__ import annotations

import re
import time
from typing import Any

from flask import Response, g, request, url_for
from werkzeug.http import quote_etag

from domain.cache.answer import Found
from domain.cache.keys import key_of
from domain.model.errors import NotCaughtUp, NotFound
from domain.model.position import Position
from domain.read.queries import QUERY_PROJECTIONS
from domain.read.waiting import About
from domain.telemetry.names import QUERY
from web import conditions, edge, fast_path, problems, served
from web.context import container
from web.metrics.requests import found_at

#: The cursor is the last thing in a list's body. Further up the same name may stand in a workspace's settings.
_NEXT_CURSOR = re.compile(rb'"next_cursor"\s*:\s*"([A-Za-z0-9_=-]+)"\s*\}\s*\}\s*\Z')


def answer(query: str, tenant_id: str, *, missing: type[NotFound], **arguments: Any) -> Response:
    """Put the *query*, a name in QUERY_PROJECTIONS, and write what it says; nothing said is answered as *missing*.

    Raises NotCaughtUp when the read models don't reach the client's Min-Position in time, or can't by waiting.
    """
    parts = container()
    started = time.perf_counter()
    wanted = conditions.min_position()
    if wanted is not None:
        _wait(wanted, query, tenant_id, arguments)
    waited = time.perf_counter()
    found = parts.caching.queries.get(query, tenant_id, arguments, wanted)
    ended = time.perf_counter()
    parts.counters.observe(QUERY, found_at(query, found.level), ended - waited)
    # Positions of two shards can't be compared: this answer's own says nothing about another tenant's.
    if wanted is not None and found.position.shard == wanted.shard and found.position < wanted:
        raise NotCaughtUp(position=wanted)
    # Gathered before the response is made: setting one there looks through all that it has.
    headers = {
        "Event-Position": str(found.position),
        "Cache-Status": served.cache_status(found),
        "Server-Timing": served.server_timing(found, waited - started, ended - waited),
    }
    if found.body is None:
        # Written here, because it reflects a position as every other answer does.
        response = problems.from_error(missing())
        response.headers.extend(headers)
        return response
    headers["ETag"] = quote_etag(found.etag)
    headers |= edge.headers(parts.settings, tenant_id, found, g.get("expires_at"))
    if (wait := conditions.preferred_wait()) is not None:
        headers["Preference-Applied"] = f"wait={wait}"
    if "cursor" in arguments and (link := _next_link(found)):
        headers["Link"] = link
    if found.level == "l1":
        fast_path.offer(key_of(query, tenant_id, **arguments), found, parts.settings)
    if request.if_none_match.contains_weak(found.etag):
        response = Response(status=304, headers=headers)
        del response.headers["Content-Type"]
        return response
    return Response(found.body, headers=headers, content_type="application/json")


def _wait(wanted: Position, query: str, tenant_id: str, arguments: dict[str, Any]) -> None:
    """Wait for *wanted*, also if an answer is there that has reached it.

    What is parked stays behind while everything else goes on, so that an answer's position alone doesn't tell.
    """
    about = About(tenant_id, _aggregate(query, tenant_id, arguments))
    if not container().waiter.wait(wanted, QUERY_PROJECTIONS[query], conditions.patience(), about):
        raise NotCaughtUp(position=wanted)


def _aggregate(query: str, tenant_id: str, arguments: dict[str, Any]) -> str | None:
    """The one aggregate that the query is about; None for those that show many."""
    if query == "tenant_summary":
        return tenant_id
    found: str | None = arguments.get("user_id") or arguments.get("workspace_id")
    return found


def _next_link(found: Found) -> str | None:
    """The page after this one: the same question from the cursor on."""
    body = found.body or b""
    cursor = _NEXT_CURSOR.search(body, max(0, len(body) - 256))
    if cursor is None:
        return None
    kept = {name: value for name, value in request.args.items() if name not in ("offset", "cursor")}
    values: dict[str, Any] = {**(request.view_args or {}), **kept, "cursor": cursor[1].decode()}
    path = url_for(str(request.endpoint), **values)
    return f'<{path}>; rel="next"'
