"""What every answer carries for browsers: who may read it from another origin, and what may not be done with it."""

from __future__ import annotations

from flask import Flask, Response, request

from domain.settings import Settings

#: How long a browser may remember what it was allowed, in seconds.
_PREFLIGHT_AGE = "600"

_REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Min-Position, Prefer, X-Request-ID, "
    "traceparent"
)
_ANSWER_HEADERS = (
    "Cache-Status, ETag, Event-Position, Idempotency-Replayed, Link, Location, Preference-Applied, RateLimit, "
    "RateLimit-Policy, Retry-After, Server-Timing, X-Request-ID, traceparent"
)

#: No answer is a page that may load or be loaded into anything. The page at /docs names what it needs itself.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}

#: Two years. Sent where the request came over TLS, also to a proxy in front of us.
_STRICT_TRANSPORT = "max-age=63072000"


def install(app: Flask, settings: Settings) -> None:
    """Add the headers to each answer, also to those that refuse."""
    origins = settings.cors_origins

    @app.after_request
    def surround(response: Response) -> Response:
        # Looked through once: asking for a header that isn't there goes through all of them, and raises within.
        present = {name.lower() for name, _ in response.headers}
        for name, value in SECURITY_HEADERS.items():
            if name.lower() not in present:
                response.headers.add(name, value)
        if over_tls():
            response.headers["Strict-Transport-Security"] = _STRICT_TRANSPORT
        if origins:
            _share(response, request.headers.get("Origin"), origins)
        return response


def over_tls() -> bool:
    """Whether the request in hand came over TLS, to us or to a proxy in front of us."""
    return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"


def _share(response: Response, origin: str | None, origins: frozenset[str]) -> None:
    """Let a page of *origin* read the answer if it is one of *origins*. Tokens are never sent by cookies."""
    anybody = "*" in origins
    if not anybody:
        response.vary.add("Origin")
    if origin is None or not (anybody or origin in origins):
        return
    response.headers["Access-Control-Allow-Origin"] = "*" if anybody else origin
    response.headers["Access-Control-Expose-Headers"] = _ANSWER_HEADERS
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
        response.headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
        response.headers["Access-Control-Max-Age"] = _PREFLIGHT_AGE
