"""Bodies of requests: whole, or refused."""

from __future__ import annotations

from typing import IO, cast

from flask import Request
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream

from web.errors import Malformed


class WholeRequest(Request):
    """A request whose stream ends where its Content-Length says. Reading one that ends before raises Malformed."""

    @cached_property
    def stream(self) -> IO[bytes]:
        # Also refuses a length over the limit, before anything is read.
        stream = super().stream
        if not self.environ.get("CONTENT_LENGTH") or self.content_length is None:
            return stream
        # A server that sees to the end of the body itself lets one that was cut off look like one that is over, and
        # Werkzeug doesn't count what comes from such a server.
        return cast(IO[bytes], _Counted(self.input_stream, self.content_length))


class _Counted(LimitedStream):
    def on_disconnect(self, error: Exception | None = None) -> None:
        raise Malformed(reason="the body ended before its Content-Length") from error
