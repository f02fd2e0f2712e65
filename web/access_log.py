"""One line for each request: what was asked by its route, and never its query string, body or token."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, request

from domain import logs
from web.context import metadata

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
        if "began" not in g or not log.isEnabledFor(level):
            return response
        # The rule instead of the path, which may hold anything that somebody typed.
        route = "-" if request.url_rule is None else request.url_rule.rule
        method, name, began = request.method, metadata().correlation_id, g.began

        def answered() -> None:
            write(method, route, name, response.status_code, time.perf_counter() - began, level)

        if response.is_streamed:
            response.call_on_close(answered)
        else:
            answered()
        return response


def write(
    method: str,
    route: str,
    name: str,
    status: int,
    seconds: float,
    level: int = logging.INFO,
    created: float | None = None,
) -> None:
    """Log that the request *name* was answered with *status*, after so many *seconds*, at the time *created* or now."""
    # Asked first, since putting a line together costs more than many an answer.
    if log.isEnabledFor(level):
        duration = round(seconds * 1000, 2)
        said = {"status": status, "duration_ms": duration, "method": method, "route": route, "correlation_id": name}
        logs.say(__name__, level, "request", created=created, **said)
