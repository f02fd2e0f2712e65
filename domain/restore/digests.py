"""What the events of each shard are, so that two stores can be told apart without moving an event between them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from domain.model.event import RecordedEvent
from domain.postgres.pool import Pool

#: What a session needs to see all events and write them as text in the same way as any other.
SESSION: Mapping[str, str] = {"app.engine": "on", "TimeZone": "UTC", "statement_timeout": "0", "DateStyle": "ISO"}

_SQL = f"""
SELECT e.shard, count(*), max(e.position), sum(
    ('x' || encode(substring(sha256(convert_to(row({", ".join(f"e.{name}" for name in RecordedEvent._fields)})::text,
        'UTF8')) FOR 8), 'hex'))::bit(64)::bigint::numeric)
FROM unnest(%s::smallint[], %s::bigint[]) AS upto(shard, position)
JOIN write_schema.domain_events e ON e.shard = upto.shard AND e.position <= upto.position
GROUP BY e.shard
"""  # noqa: S608


class Digest(NamedTuple):
    """How many events a shard has, where the last one is, and a sum over the hashes of all their columns."""

    events: int
    last: int
    sum: Decimal


def digests(pool: Pool, upto: Mapping[int, int]) -> dict[int, Digest]:
    """Return the digest of each shard's events as far as *upto* says. The sessions of *pool* need SESSION."""
    with pool.cursor() as cursor:
        cursor.execute(_SQL, (list(upto), list(upto.values())))
        return {shard: Digest(*digest) for shard, *digest in cursor.fetchall()}
