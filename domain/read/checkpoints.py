"""How far each projection has got on each shard."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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


class Move(NamedTuple):
    """To move a checkpoint to the event at *position*, when the cache has heard of all up to *heard*."""

    shard: int
    projection: str
    position: int
    event_id: str
    heard: int


def moves(projections: Iterable[str], last: RecordedEvent, heard: Mapping[str, int] | None) -> list[Move]:
    """Return what moves *projections* to the event *last*.

    *heard* is how far the cache has heard of each; without it nobody has to be told anything.
    """
    return [
        Move(last.shard, name, last.position, last.event_id, last.position if heard is None else heard[name])
        for name in projections
    ]


class Checkpoints:
    """The table projection_checkpoints of *schema*. A rebuild has one of its own beside its rows."""

    def __init__(self, schema: str) -> None:
        self._table = f"{schema}.projection_checkpoints"
        # What stands in the checkpoint itself is as new as its lock; what is looked up beside it may be older. So the
        # number of parked aggregates is kept in the checkpoint, while a pause may come a batch late.
        # Whoever has not got the first row leaves the others alone, or two engines would share out the projections of a
        # shard and read the same events twice.
        self._lock_sql, self._lock_cached_sql = (
            planned(
                f"WITH gate AS MATERIALIZED (SELECT shard, {rewritten} AS rewritten FROM {self._table} k "  # noqa: S608
                "WHERE shard = ANY(%s::smallint[]) AND projection = %s FOR UPDATE SKIP LOCKED) "
                "SELECT c.shard, projection, position, event_id, parked, invalidated_position, rewritten, "
                f"ARRAY(SELECT name FROM {schema}.projections WHERE state = 'paused') "
                f"FROM gate JOIN {self._table} c USING (shard) "
                "WHERE projection = ANY(%s) FOR UPDATE OF c SKIP LOCKED"
            )
            for rewritten in ("false", f"EXISTS (SELECT FROM {schema}.rewritten_aggregates r WHERE r.shard = k.shard)")
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
        taken = self.take_all(cursor, [shard], projections, cached=cached)[shard]
        if paused := [name for name, each in taken.items() if each.paused]:
            cursor.execute(self._trials_sql, (shard, paused))
            for name, *trial in cursor.fetchall():
                taken[name] = taken[name]._replace(trial=Trial(*trial))
        return taken

    def take_all(
        self, cursor: cursor, shards: Collection[int], projections: Collection[str], *, cached: bool = False
    ) -> dict[int, dict[str, Taken]]:
        """Do the same on several *shards*, without their trials."""
        taken = self._lock(cursor, shards, projections, cached)
        missing = [shard for shard, each in taken.items() if len(each) < len(projections)]
        if missing and self._open(cursor, missing, projections):
            taken |= self._lock(cursor, missing, projections, cached)
        return taken

    def _lock(
        self, cursor: cursor, shards: Collection[int], projections: Collection[str], cached: bool
    ) -> dict[int, dict[str, Taken]]:
        statement = self._lock_cached_sql if cached else self._lock_sql
        execute(cursor, [(statement, (list(shards), min(projections), list(projections)))])
        taken: dict[int, dict[str, Taken]] = {shard: {} for shard in shards}
        for shard, name, position, event_id, parked, heard, rewritten, paused in cursor.fetchall():
            at = Checkpoint(position, event_id)
            taken[shard][name] = Taken(at, parked, heard, rewritten, name in paused)
        return taken

    def _open(self, cursor: cursor, shards: Collection[int], projections: Collection[str]) -> int:
        """Add the checkpoints that are not there yet; return how many."""
        # In order, since two that add the same ones wait for each other's.
        cursor.execute(
            f"INSERT INTO {self._table} (shard, projection) "  # noqa: S608
            "SELECT shard, projection FROM unnest(%s::smallint[]) AS shard, unnest(%s) AS projection "
            "ON CONFLICT DO NOTHING",
            (sorted(shards), sorted(projections)),
        )
        return cursor.rowcount

    def advance(self, moves: Sequence[Move]) -> Statement:
        """Return what makes these *moves*."""
        return planned(
            f"UPDATE {self._table} c SET position = m.position, event_id = m.event_id, "  # noqa: S608
            "moved_at = clock_timestamp(), invalidated_position = m.heard, pending_since = CASE "
            "WHEN m.heard >= m.position THEN NULL WHEN c.position <= m.heard THEN clock_timestamp() "
            "ELSE coalesce(c.pending_since, clock_timestamp()) END "
            "FROM unnest(%s::smallint[], %s::text[], %s::bigint[], %s::uuid[], %s::bigint[]) "
            "AS m(shard, projection, position, event_id, heard) "
            "WHERE c.shard = m.shard AND c.projection = m.projection"
        ), tuple(map(list, zip(*moves, strict=True)))

    def hear(self, heard: Mapping[int, Mapping[str, int]]) -> Statement:
        """Return what keeps how far the cache has heard: shard → projection → position, of one at least.

        Checkpoints that another one holds are left as they are.
        """
        rows = [(shard, name, position) for shard, each in heard.items() for name, position in each.items()]
        return planned(
            f"UPDATE {self._table} c SET invalidated_position = free.heard, "  # noqa: S608
            "pending_since = CASE WHEN c.position > free.heard THEN c.pending_since END "
            "FROM (SELECT shard, projection, h.heard FROM unnest(%s::smallint[], %s::text[], %s::bigint[]) "
            f"AS h(shard, projection, heard) JOIN {self._table} k USING (shard, projection) "
            "WHERE k.invalidated_position < h.heard FOR UPDATE OF k SKIP LOCKED) AS free "
            "WHERE c.shard = free.shard AND c.projection = free.projection"
        ), tuple(map(list, zip(*rows, strict=True)))

    def all(self, cursor: cursor) -> dict[tuple[int, str], int]:
        """Return the position of every checkpoint there is, by shard and projection."""
        cursor.execute(f"SELECT shard, projection, position FROM {self._table}")  # noqa: S608
        return {(shard, projection): position for shard, projection, position in cursor.fetchall()}
