"""An answer with its headers, but for those that are another's each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from werkzeug.http import remove_entity_headers

from domain.cache.l1 import Kept
from web.fast_path.offer import Offer
from web.limits.meter import Admits

Headers = list[tuple[str, str]]

#: What each answer gets anew. Lower case.
_OWN = frozenset({"x-request-id", "traceparent", "cache-status", "server-timing"})


@lru_cache(4096)
def _header(name: str, value: str) -> tuple[str, str]:
    # Most headers are the same in all answers, so that they are kept once.
    return name, value


#: About what one costs in bytes besides the texts in it.
_OVERHEAD = 1200


@dataclass(frozen=True, slots=True)
class Finished:
    """All of an answer but its body, which memory alone keeps.

    ``kept`` returns what memory has of it, until memory lets that go. ``tag`` is the entity tag as If-None-Match has
    it; ``unchanged`` are the headers of the 304. ``text`` and ``query`` are those of its key.
    """

    kept: Callable[[], Kept | None]
    tag: str
    headers: Headers
    unchanged: Headers
    until: float
    keys_version: int
    allowance: Admits
    route: str
    text: str
    query: str

    @classmethod
    def of(cls, offer: Offer, headers: Headers, kept: Callable[[], Kept | None], allowance: Admits) -> Self:
        """Make it from the *headers* of the answer that Flask has given; *allowance* is its principal's."""
        same = [_header(name, value) for name, value in headers if name.lower() not in _OWN]
        unchanged = same.copy()
        remove_entity_headers(unchanged)
        return cls(
            kept=kept,
            tag=f'"{offer.found.etag}"',
            headers=same,
            unchanged=unchanged,
            until=offer.until,
            keys_version=offer.keys_version,
            allowance=allowance,
            route=offer.route,
            text=offer.key.text,
            query=offer.key.query,
        )

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return _OVERHEAD + sum(len(name) + len(value) for name, value in self.headers)
