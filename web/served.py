"""The headers that say where an answer came from, and how long it took."""

from __future__ import annotations

import time

from domain.cache.answer import Found


def cache_status(found: Found) -> str:
    """Return the Cache-Status (RFC 9211) of an answer: what Redis (L2) and then this process's memory (L1) did."""
    if found.level == "l1":
        return from_memory(found.expires_at, time.monotonic())
    if found.bypassed:
        second = "L2; fwd=bypass"
    elif found.shared:
        second = "L2; fwd=miss; collapsed"
    elif found.level == "l2":
        second = f"L2; hit; ttl={max(0, int(found.expires_at - time.monotonic()))}"
    else:
        second = "L2; fwd=miss"
    return f"{second}, L1; fwd=miss"


def from_memory(expires_at: float, now: float) -> str:
    """As cache_status(), of an answer out of this process's memory."""
    return f"L1; hit; ttl={max(0, int(expires_at - now))}"


def server_timing(found: Found, waited: float, taken: float) -> str:
    """Return the Server-Timing of an answer that was *taken* so many seconds to find, after it *waited* for some."""
    answer = answer_timing("database" if found.level == "load" else found.level.upper(), taken)
    return f"wait;dur={waited * 1000:.2f}, {answer}" if waited > 0.0001 else answer


def answer_timing(level: str, taken: float) -> str:
    """As server_timing(), of an answer for which nobody waited."""
    return f'answer;desc="{level}";dur={taken * 1000:.2f}'
