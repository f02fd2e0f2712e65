"""The layer before Flask that gives an answer again, without knowing what was asked."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from domain import tracing
from domain.cache.l1 import Kept
from domain.caching import Caching
from web import served
from web.auth import Authenticator
from web.context import correlation_id, fit_traceparent
from web.fast_path.account import Account
from web.fast_path.finished import Finished, Headers
from web.fast_path.memory import Asked, Memory
from web.fast_path.offer import OFFERED, Offer
from web.limits import ADDRESS_COUNTED, Meters, address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_OK = "200 OK"


class FastPath:
    """Gives an answer that Flask gave from memory to the same request again, as Flask would give it.

    That is while memory still has this answer for its key (the fence stands, the news are fresh), the token has not
    ended, no key has been taken back with which tokens are verified, and no limit is reached. Flask has authorized the
    request, which the token and the path decide; the body stays in memory's hands. All else goes to Flask.

    This is the way of nearly all requests, and each step on it takes a tenth of what the server itself takes.
    """

    def __init__(self, app: WSGIApplication, caching: Caching, authenticator: Authenticator, meters: Meters) -> None:
        self._app = app
        self._cache = caching.cache
        self.account = Account(caching)
        self._memory = Memory(caching.finished_max_bytes)
        self._keys_version = authenticator.keys_version
        self._principals = meters.principal
        self._from_address = lru_cache(4096)(lambda remote: meters.address.allowance(address(remote)))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = _asked(environ)
        if asked is None:
            return self._app(environ, start_response)
        finished = self._memory.get(asked)
        if finished is not None:
            began, at = time.monotonic(), time.time()
            kept = self._standing(finished, environ, began, at)
            if kept is not None:
                if not tracing.is_on():
                    return self._give(finished, kept, began, at, environ, start_response)
                with _traced(finished, environ):
                    return self._give(finished, kept, began, at, environ, start_response)
        return self._through(asked, environ, start_response)

    def _standing(self, finished: Finished, environ: WSGIEnvironment, now: float, at: float) -> Kept | None:
        """Return what memory has of the answer if it may be given: *now* by the monotonic clock, *at* by the other."""
        kept = finished.kept()
        if kept is None or not self._cache.stands(kept, now):
            return None
        tag = environ.get("HTTP_IF_NONE_MATCH")
        if tag is not None and tag != finished.tag:
            return None
        if at >= finished.until or self._keys_version() != finished.keys_version:
            return None
        # What is refused here is refused by Flask, with all that has to be said.
        if not self._from_address(environ.get("REMOTE_ADDR")).admits(at):
            return None
        if not finished.allowance.admits(at):
            environ[ADDRESS_COUNTED] = True
            return None
        kept.used = True
        return kept

    def _give(
        self,
        finished: Finished,
        kept: Kept,
        began: float,
        at: float,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        """Send what is *kept* with what is *finished* of it, or 304 to one who has it."""
        found = kept.found
        name = correlation_id(environ.get("HTTP_X_REQUEST_ID"))
        seconds = time.monotonic() - began
        own = [
            ("X-Request-ID", name),
            ("Cache-Status", served.from_memory(found.expires_at, began)),
            ("Server-Timing", served.answer_timing("L1", seconds)),
        ]
        if "HTTP_TRACEPARENT" in environ and (traceparent := fit_traceparent(environ["HTTP_TRACEPARENT"])):
            own.append(("traceparent", traceparent))
        if "HTTP_IF_NONE_MATCH" in environ:
            self.account.note((finished, 304, seconds, at, name))
            start_response("304 NOT MODIFIED", finished.unchanged + own)
            return [b""]
        self.account.note((finished, 200, seconds, at, name))
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
            self._keep(asked, offer, said[-1][1])
        return body

    def _keep(self, asked: Asked, offer: Offer, headers: Headers) -> None:
        kept = self._cache.kept(offer.key)
        # It may have been changed since it was found, and then these are not the headers of what is kept.
        if kept is not None and kept.found is offer.found:
            allowance = self._principals.allowance(offer.principal)
            self._memory.put(asked, Finished.of(offer, headers, weakref.ref(kept), allowance))


@contextmanager
def _traced(finished: Finished, environ: WSGIEnvironment) -> Iterator[None]:
    """Lend a span like those of web.tracing, by which the answer's request is known and its trace goes on."""
    name = environ["HTTP_X_REQUEST_ID"] = correlation_id(environ.get("HTTP_X_REQUEST_ID"))
    attributes = {"http.request.method": "GET", "http.route": finished.route, "cqrs.correlation_id": name}
    with tracing.span(f"GET {finished.route}", attributes, parent=environ.get("HTTP_TRACEPARENT"), kind="server"):
        tracing.note({"http.response.status_code": 304 if "HTTP_IF_NONE_MATCH" in environ else 200})
        if traceparent := tracing.traceparent():
            environ["HTTP_TRACEPARENT"] = traceparent
        yield


def _asked(environ: WSGIEnvironment) -> Asked | None:
    """Return all of a request on which its answer hangs; None for one that says more, at which Flask looks.

    More than its path, its token and its If-None-Match, that is.
    """
    if (
        environ["REQUEST_METHOD"] != "GET"
        or "HTTP_MIN_POSITION" in environ
        or "HTTP_PREFER" in environ
        or "HTTP_IF_MATCH" in environ
        or "HTTP_TRANSFER_ENCODING" in environ
        or environ.get("CONTENT_LENGTH") not in _NO_LENGTH
    ):
        return None
    get = environ.get
    return (
        get("HTTP_AUTHORIZATION", ""),
        environ["PATH_INFO"],
        get("QUERY_STRING", ""),
        get("HTTP_ORIGIN", ""),
        environ["wsgi.url_scheme"],
        get("HTTP_X_FORWARDED_PROTO", ""),
    )


_NO_LENGTH = (None, "", "0")
