"""What a view says of an answer, so that the fast path may give it again."""

from __future__ import annotations

from typing import NamedTuple

from flask import g, request

from domain.cache.answer import Found
from domain.cache.keys import Key
from domain.settings import Settings
from web.context import actor

#: Under which name the offer lies in the WSGI environment.
OFFERED = "cqrs.offer"


class Offer(NamedTuple):
    """An answer out of memory, and all that it hangs on besides the request itself.

    ``until`` is in seconds since 1970; ``keys_version`` is that of the keys with which the token was verified, and
    ``principal`` the name under which its requests are counted.
    """

    key: Key
    found: Found
    until: float
    keys_version: int
    principal: str
    route: str


def offer(key: Key, found: Found, settings: Settings) -> None:
    """Let the fast path give *found* again, while it is what memory has for *key*, to who sends the same request."""
    # At the edge an answer is to end with its token, so its age there changes when that time comes near.
    reserve = settings.edge_max_age if settings.edge_cache else 0
    request.environ[OFFERED] = Offer(
        key,
        found,
        until=g.expires_at - reserve,
        keys_version=g.keys_version,
        principal=actor().principal,
        route=str(request.url_rule),
    )
