"""How far each projection has got on each shard."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from domain.model.event import RecordedEvent
from domain.postgres.prepared import planned
from domain.read.row_store import Statement, execute

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


class Checkpoint(NamedTuple):
    """The last event that was folded: its offset and id; 0 and None before the first."""

    position: int = 0
    event_id: str | None = None


class Trial(NamedTuple):
    """A paused projection is to be tried: with which error it paused, and how many trials have failed."""

    error_class: str
    failed: int


class Taken(NamedTuple):
    """A checkpoint in hand. ``parked`` counts the aggregates that stand still. The cache has heard of all up to
    ``heard``; ``rewritten`` says that there are rows behind that of which it has not."""

    at: Checkpoint
    parked: int
    heard: int
    rewritten: bool
    paused: bool
    trial: Trial | None = None

    @property
    def runs(self) -> bool:
        """Whether events are to be folded."""
        return not self.paused or self.trial is not None


class Checkpoints:
    """The table projection_checkpoints of *schema*. A rebuild has one of its own beside its rows."""

    def __init__(self, schema: str) -> None:
        self._table = f"{schema}.projection_checkpoints"
        # What stands in the checkpoint itself is as new as its lock; what is looked up beside it may be older. So the
        # number of parked aggregates is kept in the checkpoint, while a pause may come a batch late.
        # Whoever has not got the first row leaves the others alone, or two engines would share out the projections of a
        # shard and read the same events twice.
        gate = (
            f"WITH gate AS MATERIALIZED (SELECT FROM {self._table} "
            "WHERE shard = %s AND projection = %s FOR UPDATE SKIP LOCKED) "
        )
        self._lock_sql, self._lock_cached_sql = (
            planned(
                gate + "SELECT projection, position, event_id, parked, invalidated_position, "  # noqa: S608
                f"{rewritten}, ARRAY(SELECT name FROM {schema}.projections WHERE state = 'paused') "
                f"FROM {self._table} WHERE EXISTS (SELECT FROM gate) "
                "AND shard = %s AND projection = ANY(%s) FOR UPDATE SKIP LOCKED"
            )
            for rewritten in ("false", f"EXISTS (SELECT FROM {schema}.rewritten_aggregates WHERE shard = %s)")
        )
        self._trials_sql = (
            f"SELECT name, error_class, trials FROM {schema}.projections "  # noqa: S608
            "WHERE state = 'paused' AND trial_shard = %s AND next_trial_at <= clock_timestamp() AND name = ANY(%s)"
        )

    def take(
        self, cursor: cursor, shard: int, projections: Collection[str], *, cached: bool = False
    ) -> dict[str, Taken]:
        """Lock and return the checkpoints of *projections* on *shard*; those that another one holds are left out.

        The lock is the lease on the shard: it ends with the transaction, however that ends. Whether rows were rewritten
        is looked up only where answers are *cached*.
        """
        taken = self._lock(cursor, shard, projections, cached)
        if len(taken) < len(projections) and self._open(cursor, shard, projections):
            taken = self._lock(cursor, shard, projections, cached)
        if paused := [name for name, each in taken.items() if each.paused]:
            cursor.execute(self._trials_sql, (shard, paused))
            for name, *trial in cursor.fetchall():
                taken[name] = taken[name]._replace(trial=Trial(*trial))
        return taken

    def _lock(self, cursor: cursor, shard: int, projections: Collection[str], cached: bool) -> dict[str, Taken]:
        values = (shard, list(projections))
        statement = (
            (self._lock_cached_sql, (shard, min(projections), shard, *values))
            if cached
            else (self._lock_sql, (shard, min(projections), *values))
        )
        execute(cursor, [statement])
        return {
            name: Taken(Checkpoint(position, event_id), parked, heard, rewritten, name in paused)
            for name, position, event_id, parked, heard, rewritten, paused in cursor.fetchall()
        }

    def _open(self, cursor: cursor, shard: int, projections: Collection[str]) -> int:
        """Add the checkpoints that are not there yet; return how many."""
        cursor.execute(
            f"INSERT INTO {self._table} (shard, projection) SELECT %s, unnest(%s) ON CONFLICT DO NOTHING",
            (shard, list(projections)),
        )
        return cursor.rowcount

    def advance(
        self, shard: int, projections: Sequence[str], last: RecordedEvent, heard: Mapping[str, int] | None = None
    ) -> Statement:
        """Return what moves the checkpoints to the event *last*.

        *heard* is how far the cache has heard of each projection; without it nobody has to be told anything.
        """
        if heard is None:
            return planned(
                f"UPDATE {self._table} SET position = %s, event_id = %s, moved_at = clock_timestamp(), "  # noqa: S608
                "invalidated_position = %s, pending_since = NULL WHERE shard = %s AND projection = ANY(%s)"
            ), (last.position, last.event_id, last.position, shard, list(projections))
        return planned(
            f"UPDATE {self._table} c SET position = %s, event_id = %s, moved_at = clock_timestamp(), "  # noqa: S608
            "invalidated_position = h.heard, pending_since = CASE WHEN c.position <= h.heard THEN clock_timestamp() "
            "ELSE coalesce(c.pending_since, clock_timestamp()) END "
            "FROM unnest(%s::text[], %s::bigint[]) AS h(projection, heard) "
            "WHERE c.shard = %s AND c.projection = h.projection"
        ), (last.position, last.event_id, list(projections), [heard[name] for name in projections], shard)

    def hear(self, shard: int, heard: Mapping[str, int]) -> Statement:
        """Return what keeps how far the cache has heard. Checkpoints that another one holds are left as they are."""
        return planned(
            f"UPDATE {self._table} c SET invalidated_position = h.heard, "  # noqa: S608
            "pending_since = CASE WHEN c.position > h.heard THEN c.pending_since END "
            f"FROM (SELECT projection FROM {self._table} "
            "WHERE shard = %s AND projection = ANY(%s) FOR UPDATE SKIP LOCKED) AS free "
            "JOIN unnest(%s::text[], %s::bigint[]) AS h(projection, heard) USING (projection) "
            # Said again, or the planner would look for the projection on all shards.
            "WHERE c.shard = %s AND c.projection = free.projection AND c.invalidated_position < h.heard"
        ), (shard, list(heard), list(heard), list(heard.values()), shard)

    def all(self, cursor: cursor) -> dict[tuple[int, str], int]:
        """Return the position of every checkpoint there is, by shard and projection."""
        cursor.execute(f"SELECT shard, projection, position FROM {self._table}")  # noqa: S608
        return {(shard, projection): position for shard, projection, position in cursor.fetchall()}
