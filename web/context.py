"""What belongs to the request in hand."""

from __future__ import annotations

import re
from typing import cast

import structlog
from flask import Flask, Response, current_app, g, request

from domain import tracing
from domain.bootstrap import Container
from domain.model.actor import Actor
from domain.write.outcome import Metadata
from web.auth import Authenticator
from web.request_ids import new_request_id

#: The keys of app.extensions under which the container and who verifies tokens lie.
EXTENSION = "cqrs"
AUTHENTICATOR = "authenticator"

#: What a client may call a request, so that it is fit to be logged. No @, since e-mail addresses don't go into logs.
REQUEST_ID_PATTERN = "[A-Za-z0-9._:/+=-]{1,128}"

_REQUEST_ID = re.compile(REQUEST_ID_PATTERN)
#: W3C Trace Context, version 00: trace id and parent id are never all zeros.
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def container() -> Container:
    """The wired parts of the domain."""
    return cast(Container, current_app.extensions[EXTENSION])


def authenticator() -> Authenticator:
    """Who verifies tokens."""
    return cast(Authenticator, current_app.extensions[AUTHENTICATOR])


def actor() -> Actor:
    """Whose token the request carries."""
    return cast(Actor, g.actor)


def metadata() -> Metadata:
    """What is kept beside the events that the request leads to."""
    return cast(Metadata, g.metadata)


def route() -> str:
    """The rule that the request's path follows, "-" where it follows none: it may be anything that somebody typed."""
    rule = request.url_rule
    return "-" if rule is None else rule.rule


def correlation_id(request_id: str | None) -> str:
    """Return the client's X-Request-ID if it is fit to be logged, else a new one."""
    if request_id is not None and _REQUEST_ID.fullmatch(request_id):
        return request_id
    return new_request_id()


def fit_traceparent(header: str | None) -> str | None:
    """Return the client's traceparent if it is one."""
    return header if header is not None and _TRACEPARENT.fullmatch(header) else None


def install(app: Flask) -> None:
    """Give each request an id: the client's X-Request-ID if it is fit to be logged, else a new one. It is returned."""

    @app.before_request
    def begin() -> None:
        headers = request.headers
        name = correlation_id(headers.get("X-Request-ID"))
        # What is traced here goes on from here, and else from where the client says.
        traceparent = tracing.traceparent() or fit_traceparent(headers.get("traceparent"))
        g.metadata = Metadata(correlation_id=name, traceparent=traceparent)
        structlog.contextvars.bind_contextvars(correlation_id=name)

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        # The thread goes on to serve others.
        structlog.contextvars.clear_contextvars()

    @app.after_request
    def end(response: Response) -> Response:
        # Absent when the request failed before begin() was called.
        known: Metadata | None = g.get("metadata")
        if known is not None:
            response.headers["X-Request-ID"] = known.correlation_id
            if known.traceparent is not None:
                response.headers["traceparent"] = known.traceparent
        return response
