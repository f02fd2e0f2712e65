"""What is cached, and what the cache gives back."""

from __future__ import annotations

import hashlib
from typing import Literal, NamedTuple, Protocol

from domain.model.position import Position

#: Where an answer came from: this process's memory, Redis, or its loader.
Level = Literal["l1", "l2", "load"]


class Loaded(Protocol):
    """What a loader answers with: *body* is JSON, or None for what isn't there, and shows everything up to *position*.

    The position has to come from the snapshot that the body came from.
    """

    @property
    def body(self) -> bytes | None: ...

    @property
    def position(self) -> Position: ...


class Found(NamedTuple):
    """An answer out of the cache. ``body`` is None for what isn't there; ``expires_at`` is on the monotonic clock.

    ``shared`` tells that another request, here or in another process, loaded it while this one waited; ``bypassed``
    that it was loaded past the cache, which couldn't be used.
    """

    body: bytes | None
    position: Position
    tags: tuple[str, ...]
    expires_at: float
    level: Level
    etag: str = ""
    shared: bool = False
    bypassed: bool = False


def etag_of(body: bytes | None) -> str:
    """Return the strong entity tag of *body*: not a secret's digest but a short name for it."""
    return "" if body is None else hashlib.blake2b(body, digest_size=16).hexdigest()
