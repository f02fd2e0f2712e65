"""Counting what is answered, by route and class of status."""

from __future__ import annotations

import re
import time
from functools import cache

from flask import Flask, Response, g, request

from domain.telemetry.names import HTTP
from domain.telemetry.telemetry import Telemetry
from web.context import route


def install(app: Flask, telemetry: Telemetry) -> None:
    """Count each request when it is answered; one whose answer is streamed, when the stream has ended."""
    counters = telemetry.counters

    @app.before_request
    def begin() -> None:
        telemetry.start()
        g.arrived = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        rule = route()
        # Where there is none the method may be anything that somebody typed, too.
        label = labelled("-" if rule == "-" else request.method, rule, response.status_code)
        arrived = g.get("arrived", time.perf_counter())

        def count() -> None:
            counters.time(HTTP, label, time.perf_counter() - arrived)

        if response.is_streamed:
            response.call_on_close(count)
        else:
            count()
        return response


@cache
def labelled(method: str, rule: str, status: int) -> str:
    """Return what an answer is counted as: ``GET /api/v1/users/{user_id}/2xx``; *rule* is Werkzeug's."""
    path = _CONVERTED.sub(r"{\1}", rule)
    return f"{method} {path}/{status // 100}xx"


@cache
def found_at(query: str, level: str) -> str:
    """Return what an answer to a query is counted as that was found at a level of the cache, or loaded."""
    return f"{query}/{level}"


#: A part of a rule that stands for what is asked for: ``<id:user_id>``.
_CONVERTED = re.compile("<(?:[^:<>]+:)?([^<>]+)>")
