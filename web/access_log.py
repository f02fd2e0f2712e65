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
        # Asked first, since putting a line together costs more than many an answer.
        if "began" not in g or not log.isEnabledFor(level):
            return response
        # The rule instead of the path, which may hold anything that somebody typed.
        route = "-" if request.url_rule is None else request.url_rule.rule
        said = {"method": request.method, "route": route, "correlation_id": metadata().correlation_id}
        began = g.began

        def write() -> None:
            duration = round((time.perf_counter() - began) * 1000, 2)
            logs.say(__name__, level, "request", status=response.status_code, duration_ms=duration, **said)

        if response.is_streamed:
            response.call_on_close(write)
        else:
            write()
        return response
