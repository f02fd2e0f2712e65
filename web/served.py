"""The headers that say where an answer came from, and how long it took."""

from __future__ import annotations

import time

from domain.cache.answer import Found


def cache_status(found: Found) -> str:
    """Return the Cache-Status (RFC 9211) of an answer: what Redis (L2) and then this process's memory (L1) did."""
    if found.level == "l1":
        return f"L1; hit; ttl={_left(found)}"
    if found.bypassed:
        second = "L2; fwd=bypass"
    elif found.shared:
        second = "L2; fwd=miss; collapsed"
    elif found.level == "l2":
        second = f"L2; hit; ttl={_left(found)}"
    else:
        second = "L2; fwd=miss"
    return f"{second}, L1; fwd=miss"


def server_timing(found: Found, waited: float, taken: float) -> str:
    """Return the Server-Timing of an answer that was *taken* so many seconds to find, after it *waited* for some."""
    named = "database" if found.level == "load" else found.level.upper()
    parts = [f'answer;desc="{named}";dur={taken * 1000:.2f}']
    if waited > 0.0001:
        parts.insert(0, f"wait;dur={waited * 1000:.2f}")
    return ", ".join(parts)


def _left(found: Found) -> int:
    return max(0, int(found.expires_at - time.monotonic()))
