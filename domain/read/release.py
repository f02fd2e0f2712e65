"""Parked aggregates on their way back: their events are folded again from where they failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import structlog

from domain.model.event import RecordedEvent
from domain.model.event_log import EventLog
from domain.read.failure import Failure, Policy
from domain.read.isolation import Isolation, hurry
from domain.read.parking import Parked, ParkedAggregates, SkippedEvents
from domain.read.projection import Projection
from domain.read.rewrites import Rewrites
from domain.read.row_store import execute

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = structlog.get_logger(__name__)

#: No more aggregates are tried in one transaction, so that the shard's news don't wait for them.
_AT_ONCE = 20


class Released(NamedTuple):
    """How many events were folded, the projections in which a release failed, and what there is to count: the
    projection, what happened, and how often."""

    events: int = 0
    failed: tuple[str, ...] = ()
    happened: tuple[tuple[str, str, int], ...] = ()


class Release:
    """Tries what is due on one shard, in the transaction that holds its checkpoints.

    An aggregate that waits with more events than *batch_size* is released over several transactions, and goes on to
    wait from where each one ends. So its rows are always what its events give up to there.
    """

    def __init__(self, schema: str, event_log: EventLog, batch_size: int, policy: Policy, *, cached: bool) -> None:
        """*cached*: somebody has to be told which rows were changed."""
        self._schema = schema
        self._event_log = event_log
        self._batch_size = batch_size
        self._policy = policy
        self._cached = cached
        self._parked = ParkedAggregates(schema)
        self._skips = SkippedEvents(schema)
        self._rewrites = Rewrites(schema)

    def run(
        self, cursor: cursor, shard: int, projections: Mapping[str, Projection], positions: Mapping[str, int]
    ) -> Released:
        """Try what is due in *projections*, up to the *positions* of their checkpoints, which are locked."""
        folded, failed, happened = 0, list[str](), list[tuple[str, str, int]]()
        due = self._parked.due(cursor, shard, list(projections), _AT_ONCE)
        if due:
            hurry(cursor)
        for parked in due:
            waiting = self._event_log.read_aggregate(
                shard, parked.aggregate_id, parked.version - 1, self._batch_size + 1
            )
            waiting = [event for event in waiting if event.position <= positions[parked.projection]]
            events, ended = self._try(cursor, shard, projections[parked.projection], parked, waiting)
            folded += events
            happened += ((parked.projection, what, 1) for what in ended)
            if "failed_again" in ended:
                failed.append(parked.projection)
        return Released(folded, tuple(failed), tuple(happened))

    def _try(
        self, cursor: cursor, shard: int, projection: Projection, parked: Parked, waiting: Sequence[RecordedEvent]
    ) -> tuple[int, tuple[str, ...]]:
        """Fold the first of what is *waiting*; return how many events are done with, and what that led to."""
        skipped = self._skips.of(cursor, shard, projection.name, [parked.aggregate_id])
        events, rest = waiting[: self._batch_size], waiting[self._batch_size :]
        # It may be parked because it takes too long; the shard's news must not wait for that again and again.
        failures = Isolation(cursor, self._schema, projection, skipped, patient=False).fold([events])
        done, ended = len(events), tuple[str, ...]()
        if failures:
            done = failures[0].event.version - parked.version
            statements = self._parked.postpone(parked, failures[0], self._policy)
            dead = parked.attempt(failures[0].event) >= self._policy.max_attempts
            ended = ("failed_again", "dead") if dead else ("failed_again",)
        elif rest:
            statements = self._parked.go_on(parked, rest[0])
        else:
            statements = self._parked.unpark(shard, parked)
            ended = ("released",)
        if done and self._cached:
            statements.append(
                self._rewrites.add(parked.projection, parked.tenant_id, parked.aggregate_id, shard, parked.version)
            )
        execute(cursor, statements)
        self._report(shard, parked, failures, len(rest))
        return done, ended

    def _report(self, shard: int, parked: Parked, failures: Sequence[Failure], left: int) -> None:
        about = {"projection": parked.projection, "aggregate": parked.aggregate_id, "shard": shard}
        for failed in failures:
            log.warning("A parked aggregate failed again.", **about, at=str(failed.event.at), error=failed.error_class)
        if not failures and not left:
            log.info("An aggregate is released.", **about)
