"""What an answer tells the caches in front of us: the edge, and the browser's own."""

from __future__ import annotations

import time

from domain.cache.answer import Found
from domain.cache.edge_tags import edge_tags
from domain.settings import Settings

#: What a stored answer may not be given for. With Min-Position a client asks for something newer than may be stored.
_VARY = "Authorization, Min-Position"


def headers(settings: Settings, tenant_id: str, found: Found, expires_at: int | None) -> dict[str, str]:
    """Say who may keep the answer: the client, which asks whether it still holds, and with EDGE_CACHE the edge.

    An answer at the edge is given to no other token than the one it was asked with, and ends with that token: at
    *expires_at*, in seconds since 1970.
    """
    for_all = {"Cache-Control": "private, no-cache", "Vary": _VARY}
    if not settings.edge_cache:
        return for_all
    seconds = settings.edge_max_age
    if expires_at is not None:
        seconds = min(seconds, int(expires_at - time.time()))
    # What was loaded past the cache may be something of which invalidation is behind.
    if found.bypassed or seconds <= 0:
        return for_all | {"CDN-Cache-Control": "no-store"}
    tags = edge_tags(tenant_id, found.tags)
    at_the_edge = {
        "CDN-Cache-Control": f"max-age={seconds}",
        "Surrogate-Key": " ".join(tags),
        "Cache-Tag": ",".join(tags),
    }
    return for_all | at_the_edge
