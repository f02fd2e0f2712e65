"""The projection engine: it keeps the read models up with the event log."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from domain.model.event import RecordedEvent
from domain.model.event_log import EventLog
from domain.postgres.pool import Pool
from domain.read.checkpoints import Checkpoint, Checkpoints
from domain.read.errors import LogDiverged, is_transient
from domain.read.fold import fold
from domain.read.projection import Projection
from domain.read.row_store import PostgresRowStore, Statement, execute
from domain.read.status import lagging, status

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = structlog.get_logger(__name__)

#: What the engine's sessions need of PostgreSQL; for the settings of its pool.
SESSION: Mapping[str, str] = {
    # The policies on the read models let these sessions see all tenants.
    "app.engine": "on",
    # A worker that freezes or is cut off loses its locks, and with them all it has not committed.
    "idle_in_transaction_session_timeout": "10s",
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    # Rows and checkpoint are lost together or not at all, and what a crash loses is folded again from the events.
    "synchronous_commit": "off",
    # Each batch looks up a few rows by key. Statistics that lag behind a growing table must not turn that into scans.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


class Progress(NamedTuple):
    """What came of a run: how many events were *applied*, whether the shard is still *behind* (there may be more to
    read), whether another worker was *busy* with it, and the projections whose fold *failed*."""

    applied: int = 0
    behind: bool = False
    busy: bool = False
    failed: tuple[str, ...] = ()


class ProjectionEngine:
    """Folds events into the tables of *schema*, one shard at a time; any number of engines may share the work."""

    def __init__(
        self,
        pool: Pool,
        event_log: EventLog,
        projections: Sequence[Projection],
        batch_size: int = 100,
        schema: str = "read_schema",
    ) -> None:
        """The sessions of *pool* need the settings SESSION."""
        self._pool = pool
        self._event_log = event_log
        self._projections = {projection.name: projection for projection in projections}
        self._batch_size = batch_size
        self._schema = schema
        self._checkpoints = Checkpoints(schema)

    def catch_up(self, shard: int, seconds: float = 5.0) -> Progress:
        """Run until nothing is left to apply on *shard*, or for about *seconds*."""
        deadline = time.monotonic() + seconds
        applied = 0
        while True:
            progress = self.run(shard)
            applied += progress.applied
            # A batch that was not full may have grown meanwhile, so only an empty one ends it.
            if not progress.applied or time.monotonic() >= deadline:
                return progress._replace(applied=applied, behind=progress.behind or progress.applied > 0)

    def run(self, shard: int) -> Progress:
        """Apply one batch of *shard* in one transaction. Raises LogDiverged, and what is_transient()."""
        applied, behind, failed = 0, False, list[str]()
        with self._pool.transaction() as cursor:
            taken = self._checkpoints.take(cursor, shard, self._projections)
            for names, at, limit in self._groups(taken):
                events = self._read(shard, names, at, limit)
                if events:
                    failures = self._apply(cursor, shard, names, events)
                    failed += failures
                    if len(failures) < len(names):
                        applied += len(events)
                        behind = behind or len(events) == limit
        return Progress(applied, behind, len(taken) < len(self._projections), tuple(failed))

    def _groups(self, taken: Mapping[str, Checkpoint]) -> list[tuple[list[str], Checkpoint, int]]:
        """Return the projections that stand at the same checkpoint, and how many events they may read.

        Those behind stop where the next ones stand, so that they go on together.
        """
        groups: dict[Checkpoint, list[str]] = {}
        for name, checkpoint in taken.items():
            groups.setdefault(checkpoint, []).append(name)
        ordered = sorted(groups, key=lambda checkpoint: checkpoint.position)
        limits = [
            min(self._batch_size, following.position - checkpoint.position) or self._batch_size
            for checkpoint, following in pairwise(ordered)
        ]
        return [(groups[at], at, limit) for at, limit in zip(ordered, [*limits, self._batch_size], strict=False)]

    def _read(self, shard: int, names: Sequence[str], at: Checkpoint, limit: int) -> Sequence[RecordedEvent]:
        """Read up to *limit* events past *at*, after making sure that the log still has the event at *at*."""
        if at.position == 0:
            return self._event_log.read(shard, 0, limit)
        events = self._event_log.read(shard, at.position - 1, limit + 1)
        if not events or events[0].event_id != at.event_id:
            head = self._event_log.head(shard)
            raise LogDiverged(projections=", ".join(names), shard=shard, position=at.position, head=head)
        return events[1:]

    def _apply(self, cursor: cursor, shard: int, names: Sequence[str], events: Sequence[RecordedEvent]) -> list[str]:
        """Fold *events* and move the checkpoints; return the projections that failed, whose checkpoints stay."""
        cursor.execute("SAVEPOINT batch")
        try:
            store = PostgresRowStore(cursor, self._schema)
            statements: list[Statement] = []
            for name in names:
                statements += store.statements(fold(self._projections[name], events, store))
            execute(cursor, [*statements, self._checkpoints.advance(shard, names, events[-1])])
        except Exception as error:
            if is_transient(error):
                raise
            cursor.execute("ROLLBACK TO SAVEPOINT batch")
            if len(names) > 1:
                return [failed for name in names for failed in self._apply(cursor, shard, [name], events)]
            log.exception("A projection can't fold a batch.", projection=names[0], at=str(events[0].at))
            return [names[0]]
        return []

    def lagging_shards(self) -> list[int]:
        """Return the shards whose head is past a checkpoint."""
        return lagging(self._event_log.heads(), self._positions(), self._projections)

    def status(self) -> list[dict[str, Any]]:
        """Return the state of each projection as JSON values."""
        # The positions are read first: read after the heads, a checkpoint could be past its head.
        positions = self._positions()
        return status(self._event_log.heads(), positions, self._projections)

    def _positions(self) -> dict[tuple[int, str], int]:
        with self._pool.cursor() as cursor:
            return self._checkpoints.all(cursor)
