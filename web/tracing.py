"""The span of each request, which goes on with the client's trace."""

from __future__ import annotations

from flask import Flask, Response, g, request

from domain import tracing
from web.context import metadata, route


def install(app: Flask) -> None:
    """Trace each request: by its route and never its path, which may hold anything that somebody typed."""

    @app.before_request
    def begin() -> None:
        if not tracing.is_on():
            return
        rule = route()
        g.span = tracing.span(
            f"{request.method} {rule}",
            {"http.request.method": request.method, "http.route": rule},
            parent=request.headers.get("traceparent"),
            kind="server",
        )
        g.span.__enter__()

    @app.after_request
    def note(response: Response) -> Response:
        if "span" in g and "metadata" in g:
            found: dict[str, str | int] = {
                "http.response.status_code": response.status_code,
                "cqrs.correlation_id": metadata().correlation_id,
            }
            tracing.note(found, failed=response.status_code >= 500)
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        if (span := g.pop("span", None)) is not None:
            span.__exit__(None, None, None)
