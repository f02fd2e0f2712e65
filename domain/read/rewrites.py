"""Rows that were changed behind the checkpoint, by a release, a skip or a repair, until the cache has heard of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from domain.read.row_store import Statement

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


class Rewritten(NamedTuple):
    """An aggregate whose rows were changed by its events from ``from_version`` on."""

    tenant_id: str
    projection: str
    aggregate_id: str
    from_version: int
    since: datetime


class Rewrites:
    """The table rewritten_aggregates of *schema*."""

    def __init__(self, schema: str) -> None:
        self._table = f"{schema}.rewritten_aggregates"

    def add(self, projection: str, tenant_id: str, aggregate_id: str, shard: int, from_version: int) -> Statement:
        """Return what notes that rows were changed, for the transaction that changes them."""
        return (
            f"INSERT INTO {self._table} AS r (projection, tenant_id, aggregate_id, shard, from_version, since) "  # noqa: S608
            "VALUES (%s, %s, %s, %s, %s, clock_timestamp()) "
            "ON CONFLICT (tenant_id, projection, aggregate_id) DO UPDATE "
            "SET from_version = least(r.from_version, excluded.from_version), since = excluded.since",
            (projection, tenant_id, aggregate_id, shard, from_version),
        )

    def of(self, cursor: cursor, shard: int, limit: int) -> list[Rewritten]:
        """Return up to *limit* of those on *shard*, the oldest first."""
        cursor.execute(
            f"SELECT {', '.join(Rewritten._fields)} FROM {self._table} "  # noqa: S608
            "WHERE shard = %s ORDER BY since LIMIT %s",
            (shard, limit),
        )
        return [Rewritten._make(row) for row in cursor.fetchall()]

    def forget(self, cursor: cursor, rewritten: Rewritten) -> None:
        """Take it off the list, unless its rows were changed once more meanwhile."""
        cursor.execute(
            f"DELETE FROM {self._table} "  # noqa: S608
            "WHERE tenant_id = %s AND projection = %s AND aggregate_id = %s AND since = %s",
            (rewritten.tenant_id, rewritten.projection, rewritten.aggregate_id, rewritten.since),
        )
