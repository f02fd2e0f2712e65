"""The only notion of time in the system: a place in the log of one shard."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple, Self

from domain.model.errors import InvalidPosition

#: How many shards there are. Fixed when a store is created, because it decides where a tenant's events lie.
SHARDS = 256

_WRITTEN = re.compile(r"([0-9]{1,3})-([0-9]{1,18})")


def shard_of(key: str) -> int:
    """Return the shard, 0 to 255, on which *key* (a tenant's id, or a slug) lies.

    The first byte of the SHA-256 of the key's UTF-8 text. In SQL:
    ``get_byte(sha256(convert_to(key, 'UTF8')), 0)``, which is what ``write_schema.shard_of(key)`` does.
    """
    return hashlib.sha256(key.encode()).digest()[0]


class Position(NamedTuple):
    """The *offset*-th event of *shard*, counted from 1; offset 0 is the place before the first. Written ``17-4211``."""

    shard: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form. Raises InvalidPosition for anything else."""
        match = _WRITTEN.fullmatch(text)
        if match is None or int(match[1]) >= SHARDS:
            raise InvalidPosition(text=text)
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.shard}-{self.offset}"
