"""What has changed is told to the cache after the commit: at least once, whoever dies in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from domain import tracing
from domain.breaker import CircuitBreaker
from domain.model.errors import EventNotReadable
from domain.model.event import RecordedEvent
from domain.model.event_log import EventLog
from domain.model.upcasting import present
from domain.postgres.pool import Pool
from domain.read import batch_log
from domain.read.checkpoints import Checkpoints
from domain.read.rewrites import Rewrites
from domain.read.row_store import execute

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = structlog.get_logger(__name__)

#: How many events are told at a time of those that are read again, and how many times in one turn.
_CHUNK, _CHUNKS = 500, 10

#: After so long a change of which the cache was not told is looked after.
_PATIENCE = timedelta(seconds=1)

#: How many rewritten aggregates are told of in one turn.
_REWRITES = 100


class Invalidator(Protocol):
    """Whoever keeps answers made from the rows."""

    def invalidate(self, events: Sequence[RecordedEvent]) -> None:
        """Let no answer be given any more that was read before the position of one of *events* and shows it.

        The events may come again and in any order. Raises when the answers can't be reached, and for no other reason.
        """


class NullInvalidator:
    """Nobody keeps answers."""

    def invalidate(self, events: Sequence[RecordedEvent]) -> None:
        pass


class Invalidation:
    """Tells *invalidator* what was committed to the tables of *schema*.

    A failure holds up nothing: what was not told stays marked in the database and is told in a later turn, by whoever
    has the shard then.
    """

    def __init__(self, pool: Pool, event_log: EventLog, schema: str, invalidator: Invalidator) -> None:
        self._pool = pool
        self._schema = schema
        self._event_log = event_log
        self._invalidator = invalidator
        self._checkpoints = Checkpoints(schema)
        self._rewrites = Rewrites(schema)
        # One failure is enough: each batch would wait for a time-out.
        self._breaker = CircuitBreaker(failures=1, shortest=0.25, longest=2.0)
        #: Whether there is anybody to tell.
        self.needed = not isinstance(invalidator, NullInvalidator)

    def tell(
        self, shard: int, spans: Mapping[str, tuple[int, int]], batches: Sequence[Sequence[RecordedEvent]]
    ) -> dict[str, int]:
        """Tell of the events in the span of each projection: past one offset, up to another.

        Those in *batches* are at hand, the others are read. Return how far it got with each projection.
        """
        reached = {span: self._tell(shard, span, batches) for span in sorted(set(spans.values()))}
        return {name: reached[span] for name, span in spans.items()}

    def _tell(self, shard: int, span: tuple[int, int], batches: Sequence[Sequence[RecordedEvent]]) -> int:
        after, upto = span
        for events in batches:
            if events[0].position == after + 1 and events[-1].position == upto:
                return upto if self._told(events) else after
        for _ in range(_CHUNKS):
            if after >= upto:
                break
            events = self._event_log.read(shard, after, min(_CHUNK, upto - after))
            if not events or not self._told(events):
                break
            after = events[-1].position
        return after

    def tell_rewrites(self, shard: int) -> None:
        """Tell of the rows on *shard* that were changed behind the checkpoint.

        Answers read at the checkpoint itself may show the old rows, so the events are told as if they stood after it.
        The price is that answers which show them are not kept until the shard's next event.
        """
        with self._pool.cursor() as cursor:
            rewritten = self._rewrites.of(cursor, shard, _REWRITES)
            positions = self._checkpoints.all(cursor) if rewritten else {}
            for each in rewritten:
                after, told = each.from_version - 1, True
                place = positions[shard, each.projection] + 1
                while told and (events := self._event_log.read_aggregate(shard, each.aggregate_id, after, _CHUNK)):
                    told = self._told([event._replace(position=place) for event in events])
                    after = events[-1].version
                if not told:
                    return
                self._rewrites.forget(cursor, each)

    def due_shards(self, cursor: cursor, projections: Collection[str]) -> list[int]:
        """Return the shards on which whoever should have told the cache does not seem to come to it."""
        cursor.execute(
            f"SELECT shard FROM {self._schema}.projection_checkpoints "  # noqa: S608
            "WHERE projection = ANY(%(projections)s) AND pending_since < clock_timestamp() - %(patience)s "
            f"UNION SELECT shard FROM {self._schema}.rewritten_aggregates "
            "WHERE projection = ANY(%(projections)s) AND since < clock_timestamp() - %(patience)s",
            {"projections": list(projections), "patience": _PATIENCE},
        )
        return [shard for (shard,) in cursor.fetchall()]

    def tell_all(self, batches: Sequence[Sequence[RecordedEvent]], projections: Collection[str]) -> None:
        """Tell of what *projections* have folded: *batches* of different shards, of which nothing was told before.

        It is kept at once how far the cache has heard then.
        """
        if batches and self._told(*batches):
            self.settle({last.shard: dict.fromkeys(projections, last.position) for *_, last in batches})

    def settle(self, heard: Mapping[int, Mapping[str, int]]) -> None:
        """Keep how far the cache has heard: shard → projection → position."""
        with self._pool.cursor() as cursor:
            execute(cursor, [self._checkpoints.hear(heard)])

    def _told(self, *batches: Sequence[RecordedEvent]) -> bool:
        """Tell of *batches*, each of one shard, at once; return whether that was done."""
        began = time.monotonic()
        events = [event for batch in batches for event in batch]
        attributes: tracing.Attributes | None
        attributes = {**batch_log.shards(events), "cqrs.events": len(events)} if tracing.is_on() else None
        with tracing.span("invalidate", attributes):
            done = self._guarded(lambda: self._invalidator.invalidate(_shown(events)))
            tracing.note({}, failed=not done)
        if done:
            for batch in batches:
                batch_log.told(batch, time.monotonic() - began)
        return done

    def _guarded(self, action: Callable[[], None]) -> bool:
        if not self._breaker.allows():
            return False
        try:
            action()
        except Exception as error:
            self._breaker.failed()
            log.warning("The cache was not told what changed; it will be.", error=type(error).__name__)
            return False
        self._breaker.succeeded()
        return True


class InvalidationLag:
    """How far the cache is behind the rows; for readers, who must not trust it then."""

    def __init__(self, pool: Pool, schema: str = "read_schema") -> None:
        """*pool* sees all tenants: its sessions have the settings of the engine's."""
        self._pool = pool
        self._sql = (
            "SELECT coalesce(extract(epoch FROM clock_timestamp() - least("  # noqa: S608
            f"(SELECT min(pending_since) FROM {schema}.projection_checkpoints), "
            f"(SELECT min(since) FROM {schema}.rewritten_aggregates))), 0)::float"
        )

    def seconds(self) -> float:
        """Return the age of the oldest commit that the cache has not been told of; 0 where there is none."""
        with self._pool.cursor() as cursor:
            cursor.execute(self._sql)
            return float((cursor.fetchone() or (0.0,))[0])


def _shown(events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """Return *events* in their present shape. Those that can't be read have changed no row."""
    shown = []
    for event in events:
        try:
            shown.append(present(event))
        except EventNotReadable:
            continue
    return shown
