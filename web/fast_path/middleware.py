"""The layer before Flask that gives an answer again, without knowing what was asked."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from domain import tracing
from domain.cache.answer import Found
from domain.caching import Caching
from web import served
from web.auth import Authenticator
from web.context import correlation_id, fit_traceparent
from web.fast_path.account import Account
from web.fast_path.finished import Finished, Headers
from web.fast_path.memory import Asked, Memory
from web.fast_path.offer import OFFERED
from web.limits import Meters, address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_OK = "200 OK"


class FastPath:
    """Gives an answer that Flask gave from memory to the same request again, as Flask would give it.

    That is while memory still has this answer for its key (the fence stands, the news are fresh), the token has not
    ended, no key has been taken back with which tokens are verified, and no limit is reached. Flask has authorized the
    request, which the token and the path decide; the body stays in memory's hands. All else goes to Flask.
    """

    def __init__(self, app: WSGIApplication, caching: Caching, authenticator: Authenticator, meters: Meters) -> None:
        self._app = app
        self._queries = caching.queries
        self.account = Account(caching)
        self._memory = Memory(caching.finished_max_bytes)
        self._authenticator = authenticator
        self._meters = meters

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or _sets_conditions(environ):
            return self._app(environ, start_response)
        began = time.perf_counter()
        asked = _asked(environ)
        finished = self._memory.get(asked)
        if finished is not None and (found := self._again(finished, environ)) is not None:
            give = self._give_traced if tracing.is_on() else self._give
            return give(finished, found, began, environ, start_response)
        return self._through(asked, environ, start_response)

    def _again(self, finished: Finished, environ: WSGIEnvironment) -> Found | None:
        """Return the answer if it may be given now."""
        tag = environ.get("HTTP_IF_NONE_MATCH")
        if tag is not None and tag != finished.tag:
            return None
        if time.time() >= finished.until or self._authenticator.keys_version() != finished.keys_version:
            return None
        found = self._queries.in_memory(finished.key)
        if found is None or found.etag != finished.etag or found.position != finished.position:
            return None
        # What is refused here is refused by Flask, with all that has to be said.
        if not self._meters.address.admits(address(environ.get("REMOTE_ADDR"))):
            return None
        if not self._meters.principal.admits(finished.principal):
            return None
        return found

    def _give_traced(
        self, finished: Finished, found: Found, began: float, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Do what _give() does within a span like those of web.tracing."""
        name = environ["HTTP_X_REQUEST_ID"] = correlation_id(environ.get("HTTP_X_REQUEST_ID"))
        attributes = {"http.request.method": "GET", "http.route": finished.route, "cqrs.correlation_id": name}
        with tracing.span(f"GET {finished.route}", attributes, parent=environ.get("HTTP_TRACEPARENT"), kind="server"):
            tracing.note({"http.response.status_code": 304 if "HTTP_IF_NONE_MATCH" in environ else 200})
            return self._give(finished, found, began, environ, start_response)

    def _give(
        self, finished: Finished, found: Found, began: float, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Send *found* with what is *finished* of it, or 304 to one who has it."""
        name = correlation_id(environ.get("HTTP_X_REQUEST_ID"))
        seconds = time.perf_counter() - began
        own = [
            ("X-Request-ID", name),
            ("Cache-Status", served.cache_status(found)),
            ("Server-Timing", served.server_timing(found, 0.0, seconds)),
        ]
        if traceparent := tracing.traceparent() or fit_traceparent(environ.get("HTTP_TRACEPARENT")):
            own.append(("traceparent", traceparent))
        unchanged = "HTTP_IF_NONE_MATCH" in environ
        self.account.note(finished, 304 if unchanged else 200, name, seconds)
        if unchanged:
            start_response("304 NOT MODIFIED", finished.unchanged + own)
            return [b""]
        start_response(_OK, finished.headers + own)
        return [found.body or b""]

    def _through(self, asked: Asked, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Let Flask answer, and keep what it offers."""
        said: list[tuple[str, Headers]] = []

        def start(status: str, headers: Headers, *error: object) -> object:
            said.append((status, headers))
            return start_response(status, headers, *error)  # type: ignore[arg-type]

        body = self._app(environ, start)  # type: ignore[arg-type]
        offer = environ.get(OFFERED)
        if offer is not None and said and said[-1][0] == _OK:
            self._memory.put(asked, Finished.of(offer, said[-1][1]))
        return body


def _sets_conditions(environ: WSGIEnvironment) -> bool:
    """Whether the request says more than its path, its token and its If-None-Match do. Flask looks at that."""
    return (
        "HTTP_MIN_POSITION" in environ
        or "HTTP_PREFER" in environ
        or "HTTP_IF_MATCH" in environ
        or "HTTP_TRANSFER_ENCODING" in environ
        or environ.get("CONTENT_LENGTH") not in (None, "", "0")
    )


def _asked(environ: WSGIEnvironment) -> Asked:
    get = environ.get
    return (
        get("HTTP_AUTHORIZATION", ""),
        environ["PATH_INFO"],
        get("QUERY_STRING", ""),
        get("HTTP_ORIGIN", ""),
        environ["wsgi.url_scheme"],
        get("HTTP_X_FORWARDED_PROTO", ""),
    )
