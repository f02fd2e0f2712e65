"""Making all read models anew from a log that is not the one they were folded from: a restored backup."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import structlog

from domain.model.event_log import EventLog
from domain.postgres.pool import Pool
from domain.read.projection import Projection
from domain.read.projection_states import ProjectionStates
from domain.read.rebuild import bookkeeping, ddl
from domain.read.rebuild.ddl import LIVE
from domain.read.rebuild.records import Rebuilds

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = structlog.get_logger(__name__)

#: What is known of the former log besides the rows.
_FORMER = (
    "parked_aggregates",
    "rewritten_aggregates",
    "lagging_marks",
    "projection_samples",
    "projection_verifications",
)


class StartedOver(NamedTuple):
    """The shards that have events to be folded, how many events these are, how many skips no longer fit, and the
    projections that have no rows until they are resumed, because they are paused."""

    shards: list[int]
    events: int
    skips_dropped: int
    paused: list[str]


class StartOver:
    """Empties the read models and sets every checkpoint to the beginning, in one transaction, while workers go on."""

    def __init__(
        self,
        pool: Pool,
        event_log: EventLog,
        projections: Sequence[Projection],
        on_emptied: Callable[[], None] = lambda: None,
    ) -> None:
        """The sessions of *pool* need the engine's SESSION. *on_emptied* is called after the commit: what was cached
        of the former rows has positions that the new log comes to again, with other events."""
        self._event_log = event_log
        self._projections = list(projections)
        self._records = Rebuilds(pool)
        self._on_emptied = on_emptied

    def start_over(self) -> StartedOver:
        """Do it; whoever has a batch in hand finishes it first. Raises what is_transient(), then nothing has happened,
        and what *on_emptied* does."""
        with self._records.transaction() as cursor:
            for projection in self._projections:
                bookkeeping.open_checkpoints(cursor, projection.name, LIVE)
                bookkeeping.lock_checkpoints(cursor, projection.name, LIVE)
            # Whoever drives a rebuild finds its tables gone, and on record that it was called off.
            cursor.execute(
                "UPDATE read_schema.projection_rebuilds SET state = 'cancelled', finished_at = clock_timestamp() "
                "WHERE finished_at IS NULL"
            )
            tables = [table.name for projection in self._projections for table in projection.tables]
            for projection in self._projections:
                ddl.drop_schema(cursor, ddl.rebuild_schema(projection.name))
                ddl.drop_schema(cursor, ddl.kept_schema(projection.name))
            cursor.execute(f"TRUNCATE {', '.join(f'{LIVE}.{table}' for table in (*tables, *_FORMER))}")
            dropped = self._drop_skips(cursor)
            paused = ProjectionStates(LIVE).paused(cursor, [projection.name for projection in self._projections])
            cursor.execute(
                "UPDATE read_schema.projection_checkpoints SET position = 0, event_id = NULL, parked = 0, "
                "invalidated_position = 0, pending_since = NULL, moved_at = clock_timestamp()"
            )
        heads = self._event_log.heads()
        log.warning("All read models are made anew.", events=sum(heads.values()), skips_dropped=dropped)
        self._on_emptied()
        return StartedOver(sorted(heads), sum(heads.values()), dropped, paused)

    def _drop_skips(self, cursor: cursor) -> int:
        """Forget what is skipped of events that the log does not have; what it has stays skipped. Return how many."""
        cursor.execute(
            "SELECT tenant_id, projection, aggregate_id, version, shard, position, event_type "
            "FROM read_schema.skipped_events"
        )
        gone = [
            key for *key, shard, position, type_ in cursor.fetchall() if not self._has(shard, position, type_, *key)
        ]
        for key in gone:
            cursor.execute(
                "DELETE FROM read_schema.skipped_events "
                "WHERE tenant_id = %s AND projection = %s AND aggregate_id = %s AND version = %s",
                key,
            )
        return len(gone)

    def _has(
        self, shard: int, position: int, event_type: str, tenant: str, _projection: str, aggregate: str, version: int
    ) -> bool:
        wanted = (tenant, aggregate, version, event_type)
        found = self._event_log.read(shard, position - 1, 1)
        return [(each.tenant_id, each.aggregate_id, each.version, each.event_type) for each in found] == [wanted]
