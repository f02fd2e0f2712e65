"""What belongs to the request in hand."""

from __future__ import annotations

import re
from typing import cast
from uuid import uuid4

import structlog
from flask import Flask, Response, current_app, g, request

from domain.bootstrap import Container
from domain.model.actor import Actor
from domain.write.outcome import Metadata

#: The key of app.extensions under which the container lies.
EXTENSION = "cqrs"

#: What a client may call a request, so that it is fit to be logged. No @, since e-mail addresses don't go into logs.
REQUEST_ID_PATTERN = "[A-Za-z0-9._:/+=-]{1,128}"

_REQUEST_ID = re.compile(REQUEST_ID_PATTERN)
#: W3C Trace Context, version 00: trace id and parent id are never all zeros.
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def container() -> Container:
    """The wired parts of the domain."""
    return cast(Container, current_app.extensions[EXTENSION])


def actor() -> Actor:
    """Whose token the request carries."""
    return cast(Actor, g.actor)


def metadata() -> Metadata:
    """What is kept beside the events that the request leads to."""
    return cast(Metadata, g.metadata)


def install(app: Flask) -> None:
    """Give each request an id: the client's X-Request-ID if it is fit to be logged, else a new one. It is returned."""

    @app.before_request
    def begin() -> None:
        request_id = request.headers.get("X-Request-ID", "")
        traceparent = request.headers.get("traceparent", "")
        g.metadata = Metadata(
            correlation_id=request_id if _REQUEST_ID.fullmatch(request_id) else str(uuid4()),
            traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent) else None,
        )
        structlog.contextvars.bind_contextvars(correlation_id=metadata().correlation_id)

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        # The thread goes on to serve others.
        structlog.contextvars.clear_contextvars()

    @app.after_request
    def end(response: Response) -> Response:
        # Absent when the request failed before begin() was called.
        if "metadata" in g:
            response.headers["X-Request-ID"] = metadata().correlation_id
            if metadata().traceparent is not None:
                response.headers["traceparent"] = metadata().traceparent
        return response
