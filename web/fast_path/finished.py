"""An answer with its headers, but for those that are another's each time."""

from __future__ import annotations

import sys
from typing import NamedTuple, Self

from werkzeug.http import remove_entity_headers

from domain.cache.keys import Key
from domain.model.position import Position
from web.fast_path.offer import Offer

Headers = list[tuple[str, str]]

#: What each answer gets anew. Lower case.
_OWN = frozenset({"x-request-id", "traceparent", "cache-status", "server-timing"})

#: About what one costs in bytes besides the texts in it.
_OVERHEAD = 1200


class Finished(NamedTuple):
    """All of an answer but its body, which memory alone keeps, and by which it is told whether this is its answer.

    ``tag`` is the entity tag as If-None-Match has it; ``unchanged`` are the headers of the 304.
    """

    key: Key
    etag: str
    position: Position
    tag: str
    headers: Headers
    unchanged: Headers
    until: float
    keys_version: int
    principal: str
    route: str

    @classmethod
    def of(cls, offer: Offer, headers: Headers) -> Self:
        """Make it from the *headers* of the answer that Flask has given."""
        # Most headers are the same in all answers, so that they are kept once.
        kept = [(sys.intern(name), sys.intern(value)) for name, value in headers if name.lower() not in _OWN]
        unchanged = kept.copy()
        remove_entity_headers(unchanged)
        return cls(
            offer.key,
            offer.found.etag,
            offer.found.position,
            f'"{offer.found.etag}"',
            kept,
            unchanged,
            offer.until,
            offer.keys_version,
            offer.principal,
            offer.route,
        )

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return _OVERHEAD + sum(len(name) + len(value) for name, value in self.headers)
