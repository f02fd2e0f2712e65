"""One line for each request: what was asked by its route, and never its query string, body or token."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from functools import cache

from flask import Flask, Response, g, request

from domain import logs
from web.context import metadata, route

log = logging.getLogger(__name__)

#: What a load balancer asks every few seconds; seen at level debug, unless it goes wrong.
_OFTEN = frozenset({"health.live", "health.ready"})


def install(app: Flask) -> None:
    """Log each request when it is answered; one whose answer is streamed, when the stream has ended."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        level = logging.DEBUG if request.endpoint in _OFTEN and response.status_code < 400 else logging.INFO
        began = g.get("began")
        if began is None or not log.isEnabledFor(level):
            return response
        method, rule, name = request.method, route(), metadata().correlation_id

        def answered() -> None:
            write(method, rule, name, response.status_code, time.perf_counter() - began, level)

        if response.is_streamed:
            response.call_on_close(answered)
        else:
            answered()
        return response


def write(method: str, route: str, name: str, status: int, seconds: float, level: int) -> None:
    """Log that the request *name* was answered with *status*, after so many *seconds*."""
    logs.say(
        __name__,
        level,
        "request",
        method=method,
        route=route,
        status=status,
        duration_ms=round(seconds * 1000, 2),
        correlation_id=name,
    )


def write_all(method: str, route: str, status: int, given: Iterable[tuple[float, float, str]]) -> None:
    """Log what was answered alike: when, in how many seconds, and to which request."""
    if log.isEnabledFor(logging.INFO):
        _line(method, route, status).say([(at, seconds * 1000, name) for at, seconds, name in given])


@cache
def _line(method: str, route: str, status: int) -> logs.Line:
    # Request ids have nothing in them that would have to be escaped.
    new = {"duration_ms": "%.3f", "correlation_id": '"%s"'}
    return logs.Line(__name__, logging.INFO, "request", new, status=status, method=method, route=route)
