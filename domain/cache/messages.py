"""What the stream of invalidations carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

#: Tenant → tag → the offset that it was raised to.
Raised = Mapping[str, Mapping[str, int]]


class Message(NamedTuple):
    """*raised* tags; *forget* says to drop all that is in memory: something was invalidated by other means."""

    raised: Raised
    forget: bool = False

    def written(self) -> bytes:
        return orjson.dumps({"r": self.raised} | ({"f": True} if self.forget else {}))


class Numbered(NamedTuple):
    """A message as it stands in the stream: the *number*-th of *stream*, at the place *id*."""

    id: bytes
    stream: str
    number: int
    message: Message

    @classmethod
    def read(cls, id: bytes, fields: Mapping[bytes, bytes]) -> Numbered:
        """Read what XREAD gave. Raises KeyError or ValueError for what isn't a message."""
        content: dict[str, Any] = orjson.loads(fields[b"m"])
        message = Message(content.get("r", {}), content.get("f", False))
        return cls(id, fields[b"s"].decode(), int(fields[b"n"]), message)
