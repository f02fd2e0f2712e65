"""One transaction of the engine on several shards, about which nothing is out of the ordinary."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from domain.model.event import RecordedEvent
from domain.model.event_log import EventLog
from domain.postgres.pool import Pool
from domain.read import batch_log
from domain.read.batch_log import Batch
from domain.read.checkpoints import Checkpoint, Checkpoints, Taken, moves
from domain.read.fold import fold
from domain.read.invalidation import Invalidation
from domain.read.progress import Progress
from domain.read.projection import Projection
from domain.read.row_store import PostgresRowStore, execute
from domain.telemetry.counters import Counters

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = structlog.get_logger(__name__)


class Together:
    """Folds the news of several shards, and tells the cache of them, with as many round trips as one shard takes.

    It knows no failure: if there is one, nothing was done, and each shard needs a turn of its own (see Turn), which
    finds out whose it is.
    """

    def __init__(
        self,
        pool: Pool,
        event_log: EventLog,
        projections: Mapping[str, Projection],
        batch_size: int,
        schema: str,
        invalidation: Invalidation,
        announce: Callable[[Collection[int]], object],
        counters: Counters,
    ) -> None:
        """As for ProjectionEngine."""
        self._pool = pool
        self._event_log = event_log
        self._projections = projections
        self._batch_size = batch_size
        self._schema = schema
        self._invalidation = invalidation
        self._announce = announce
        self._counters = counters
        self._checkpoints = Checkpoints(schema)

    def run(self, shards: Collection[int]) -> dict[int, Progress]:
        """Apply one batch of each of *shards*; return what came of those that need no turn of their own.

        One does that somebody else is busy with, whose projections do not all stand at the same event, in which
        something is paused or parked, of which the cache has not heard all, or whose log has diverged.
        """
        began, began_at = time.monotonic(), time.time_ns()
        try:
            with self._pool.transaction() as cursor:
                news = self._news(cursor, shards)
                if batches := [events for events in news.values() if events]:
                    self._fold(cursor, batches)
            self._tell(batches, began, began_at)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            log.warning("Shards are folded one by one.", shards=[*shards], error=type(error).__name__, reason=reason)
            return {}
        return {shard: Progress(len(events), len(events) == self._batch_size) for shard, events in news.items()}

    def _news(self, cursor: cursor, shards: Collection[int]) -> dict[int, Sequence[RecordedEvent]]:
        """Take *shards*; return the events of those that need no turn of their own past their checkpoints."""
        cached = self._invalidation.needed
        taken = self._checkpoints.take_all(cursor, shards, self._projections, cached=cached)
        stand = {shard: at for shard, each in taken.items() if (at := self._at(each)) is not None}
        # The event at the checkpoint comes along, to see that the log still has it.
        found = self._event_log.read_several(
            {shard: max(0, at.position - 1) for shard, at in stand.items()}, self._batch_size + 1
        )
        news: dict[int, Sequence[RecordedEvent]] = {}
        for shard, at in stand.items():
            events = found.get(shard, ())
            if at.position == 0:
                news[shard] = events[: self._batch_size]
            elif events and events[0].event_id == at.event_id:
                news[shard] = events[1:]
        return news

    def _at(self, taken: Mapping[str, Taken]) -> Checkpoint | None:
        """Return where all projections stand, if there is nothing else to see to."""
        stand = {each.at for each in taken.values()}
        if len(taken) < len(self._projections) or len(stand) > 1:
            return None
        if any(each.paused or each.parked or each.rewritten for each in taken.values()):
            return None
        (at,) = stand
        behind = self._invalidation.needed and any(each.heard < at.position for each in taken.values())
        return None if behind else at

    def _fold(self, cursor: cursor, batches: Sequence[Sequence[RecordedEvent]]) -> None:
        store = PostgresRowStore(cursor, self._schema)
        events = [event for batch in batches for event in batch]
        statements = [
            statement
            for projection in self._projections.values()
            for statement in store.statements(fold(projection, events, store))
        ]
        moved = [move for batch in batches for move in moves(self._projections, batch[-1], self._heard(batch))]
        execute(cursor, [*statements, self._checkpoints.advance(moved)])

    def _heard(self, batch: Sequence[RecordedEvent]) -> dict[str, int] | None:
        """Return how far the cache has heard of each projection; None where there is no cache."""
        return dict.fromkeys(self._projections, batch[0].position - 1) if self._invalidation.needed else None

    def _tell(self, batches: Sequence[Sequence[RecordedEvent]], began: float, began_at: int) -> None:
        """Tell of what was committed."""
        if batches:
            self._announce([events[0].shard for events in batches])
        folded = [
            Batch(events[0].shard, list(self._projections), events[0].position - 1, events[-1].position, events)
            for events in batches
        ]
        batch_log.folded(folded, time.monotonic() - began, self._counters)
        with batch_log.span(folded, began_at):
            if self._invalidation.needed:
                self._invalidation.tell_all(batches, self._projections)
