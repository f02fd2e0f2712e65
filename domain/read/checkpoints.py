"""How far each projection has got on each shard."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from domain.model.event import RecordedEvent
from domain.read.row_store import Statement

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


class Checkpoint(NamedTuple):
    """The last event that was folded: its offset and id; 0 and None before the first."""

    position: int = 0
    event_id: str | None = None


class Checkpoints:
    """The table projection_checkpoints of *schema*. A rebuild has one of its own beside its rows."""

    def __init__(self, schema: str) -> None:
        self._table = f"{schema}.projection_checkpoints"

    def take(self, cursor: cursor, shard: int, projections: Collection[str]) -> dict[str, Checkpoint]:
        """Lock and return the checkpoints of *projections* on *shard*; those that somebody else holds are left out.

        The lock is the lease on the shard: it ends with the transaction, however that ends.
        """
        taken = self._lock(cursor, shard, projections)
        if len(taken) < len(projections) and self._open(cursor, shard, projections):
            taken = self._lock(cursor, shard, projections)
        return taken

    def _lock(self, cursor: cursor, shard: int, projections: Collection[str]) -> dict[str, Checkpoint]:
        # The first row stands for all: without it, two workers could each get some and fold the same events apart.
        cursor.execute(
            f"WITH gate AS MATERIALIZED (SELECT FROM {self._table} "  # noqa: S608
            "WHERE shard = %(shard)s AND projection = %(gate)s FOR UPDATE SKIP LOCKED) "
            f"SELECT projection, position, event_id FROM {self._table} "
            "WHERE shard = %(shard)s AND projection = ANY(%(projections)s) AND EXISTS (SELECT FROM gate) "
            "FOR UPDATE SKIP LOCKED",
            {"shard": shard, "gate": min(projections), "projections": list(projections)},
        )
        return {name: Checkpoint(position, event_id) for name, position, event_id in cursor.fetchall()}

    def _open(self, cursor: cursor, shard: int, projections: Collection[str]) -> int:
        """Add the checkpoints that are not there yet; return how many."""
        cursor.execute(
            f"INSERT INTO {self._table} (shard, projection) SELECT %s, unnest(%s) ON CONFLICT DO NOTHING",
            (shard, list(projections)),
        )
        return cursor.rowcount

    def advance(self, shard: int, projections: Sequence[str], last: RecordedEvent) -> Statement:
        """Return what moves the checkpoints to the event *last*."""
        return (
            f"UPDATE {self._table} SET position = %s, event_id = %s, moved_at = clock_timestamp() "  # noqa: S608
            "WHERE shard = %s AND projection = ANY(%s)",
            (last.position, last.event_id, shard, list(projections)),
        )

    def all(self, cursor: cursor) -> dict[tuple[int, str], int]:
        """Return the position of every checkpoint there is, by shard and projection."""
        cursor.execute(f"SELECT shard, projection, position FROM {self._table}")  # noqa: S608
        return {(shard, projection): position for shard, projection, position in cursor.fetchall()}
