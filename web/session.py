"""The operator's session: a bearer token in a cookie that the browser sends to the pages below /admin, and to no other.

Nothing of it is kept here, so any web process knows it, and it ends when its token does.
"""

from __future__ import annotations

import secrets
import time

from flask import Response, request

from web.surroundings import over_tls

PATH = "/admin"
COOKIE = "operator_session"

#: Says that there was a session, so that whoever comes back after its end is told that it has ended.
_SEEN = "operator_seen"

#: Known to the browser and to us alone while it has no session, so that the form to sign in is bound to it.
_VISIT = "operator_visit"

#: What fits into a cookie: browsers take 4,096 bytes with its name and attributes.
LONGEST_TOKEN = 3900

#: Seconds for which a browser keeps a cookie at most, and for which the end of a session is remembered.
_LONGEST, _REMEMBERED = 400 * 86_400, 7 * 86_400


def token() -> str | None:
    """Return the token of the session in the request, if it has one."""
    return request.cookies.get(COOKIE) or None


def header() -> str | None:
    """Return the session's token as an Authorization header would have it."""
    found = token()
    return None if found is None else f"Bearer {found}"


def visit() -> str:
    """Return what the browser that has no session is known by, or something new."""
    return request.cookies.get(_VISIT) or secrets.token_urlsafe(32)


def has_ended() -> bool:
    """Whether this browser had a session before."""
    return _SEEN in request.cookies


def begin(response: Response, token: str, expires_at: int) -> None:
    """Let the session of *token* begin, up to *expires_at*, in seconds since 1970."""
    left = max(1, expires_at - int(time.time()))
    _set(response, COOKIE, token, min(left, _LONGEST))
    _set(response, _SEEN, "1", min(left + _REMEMBERED, _LONGEST))
    forget(response, _VISIT)


def greet(response: Response, visit: str) -> None:
    """Let the browser be known by *visit* until it is closed or has a session."""
    _set(response, _VISIT, visit, None)


def end(response: Response) -> None:
    """Let the session end."""
    forget(response, COOKIE)
    forget(response, _SEEN)


def remember(response: Response, name: str, value: str, seconds: int) -> None:
    """Have the browser keep *value* for the pages below /admin."""
    _set(response, name, value, seconds)


def forget(response: Response, name: str) -> None:
    response.delete_cookie(name, path=PATH, secure=over_tls(), httponly=True, samesite="Strict")


def _set(response: Response, name: str, value: str, seconds: int | None) -> None:
    response.set_cookie(name, value, max_age=seconds, path=PATH, secure=over_tls(), httponly=True, samesite="Strict")
