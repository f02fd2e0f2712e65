"""One transaction of the engine on one shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from domain.model.event import RecordedEvent
from domain.read.checkpoints import Checkpoints, Taken, moves
from domain.read.errors import is_timeout, is_transient
from domain.read.failure import Failure, Policy
from domain.read.fold import by_aggregate, fold_into
from domain.read.isolation import Alike, Isolation, TooManyAlike, hurry
from domain.read.parking import ParkedAggregates, SkippedEvents
from domain.read.projection import Projection
from domain.read.projection_states import ProjectionStates
from domain.read.row_store import PostgresRowStore, Statement, execute
from domain.read.rows import Rows

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = structlog.get_logger(__name__)

#: Returns the events after the last one, for a transaction that holds so many rows already; none where it is to end.
More = Callable[[RecordedEvent, int], Sequence[RecordedEvent]]


def _no_more(_last: RecordedEvent, _held: int) -> Sequence[RecordedEvent]:
    return ()


class Turn:
    """Folds batches of one shard whose checkpoints are *taken*, and sees to what fails.

    ``moved`` tells how far each projection has got, ``failed`` in which one something was parked or paused, and
    ``happened`` what of that there was to count: the projection, what, and how often.
    """

    def __init__(
        self,
        cursor: cursor,
        schema: str,
        shard: int,
        projections: Mapping[str, Projection],
        taken: Mapping[str, Taken],
        policy: Policy,
        *,
        patient: bool = True,
    ) -> None:
        """Without being *patient* what takes too long is not tried again later, but looked for now and parked."""
        self._patient = patient
        if not patient:
            hurry(cursor)
        self._cursor = cursor
        self._schema = schema
        self._shard = shard
        self._projections = projections
        self._taken = taken
        self._policy = policy
        self._checkpoints = Checkpoints(schema)
        self._parked = ParkedAggregates(schema)
        self._states = ProjectionStates(schema)
        self._skips = SkippedEvents(schema)
        self.moved: dict[str, int] = {}
        self.failed: list[str] = []
        self.happened: list[tuple[str, str, int]] = []
        self.parked_ids: Mapping[str, set[str]] = {}
        self.any_due = False
        if holding := [name for name, each in taken.items() if each.parked]:
            self.parked_ids, self.any_due = self._parked.ids(cursor, shard, holding)

    def apply(
        self,
        names: Sequence[str],
        events: Sequence[RecordedEvent],
        heard: Mapping[str, int] | None,
        more: More = _no_more,
    ) -> None:
        """Fold *events* into *names*, which stand at the same checkpoint, and move the checkpoints of those it suits.

        *heard*: as for moves(). *more* is folded along where nothing fails; the rows are written once.
        """
        tried = [name for name in names if self._taken[name].trial]
        together = [name for name in names if name not in tried]
        if together and not self._at_once(together, events, heard, _no_more if tried else more):
            tried = [*together, *tried]
        for name in tried:
            self._carefully(name, events, heard)

    def _at_once(
        self, names: Sequence[str], events: Sequence[RecordedEvent], heard: Mapping[str, int] | None, more: More
    ) -> bool:
        self._cursor.execute("SAVEPOINT batch")
        try:
            store = PostgresRowStore(self._cursor, self._schema)
            held = {name: Rows() for name in names}
            while events:
                for name, rows in held.items():
                    fold_into(rows, self._projections[name], self._flowing(name, events), store)
                last = events[-1]
                events = more(last, sum(map(len, held.values())))
            statements = [statement for rows in held.values() for statement in store.statements(rows)]
            execute(self._cursor, [*statements, self._checkpoints.advance(moves(names, last, heard))])
        except Exception as error:
            if is_transient(error) and (self._patient or not is_timeout(error)):
                raise
            self._cursor.execute("ROLLBACK TO SAVEPOINT batch")
            return False
        self.moved.update(dict.fromkeys(names, last.position))
        return True

    def _flowing(self, name: str, events: Sequence[RecordedEvent]) -> Sequence[RecordedEvent]:
        """Return the events whose aggregates are not parked."""
        parked = self.parked_ids.get(name)
        return events if not parked else [event for event in events if event.aggregate_id not in parked]

    def _carefully(self, name: str, events: Sequence[RecordedEvent], heard: Mapping[str, int] | None) -> None:
        """Fold *events* into one projection, park the aggregates that fail, or pause it if they are too many."""
        projection, trial = self._projections[name], self._taken[name].trial
        groups = by_aggregate(projection, self._flowing(name, events))
        skipped = self._skips.of(self._cursor, self._shard, name, groups)
        self._cursor.execute("SAVEPOINT carefully")
        try:
            failures = Isolation(self._cursor, self._schema, projection, skipped, patient=self._patient).fold(
                list(groups.values()), self._alike(name)
            )
        except TooManyAlike as many:
            self._cursor.execute("ROLLBACK TO SAVEPOINT carefully")
            self._pause(name, many)
            return
        statements: list[Statement] = []
        if failures:
            statements += self._parked.park(self._shard, name, failures, self._policy)
            self._report(name, failures)
            self.happened.append((name, "parked", len(failures)))
            if self._policy.max_attempts <= 1:
                self.happened.append((name, "dead", len(failures)))
        if trial:
            statements.append(self._states.trial_passed(name))
            log.info("A trial passed; the projection goes on.", projection=name, shard=self._shard)
        execute(self._cursor, [*statements, self._checkpoints.advance(moves([name], events[-1], heard))])
        self.moved[name] = events[-1].position

    def _alike(self, name: str) -> Alike | None:
        if self._states.lenient(self._cursor, name):
            return None
        trial = self._taken[name].trial
        before = self._parked.alike(self._cursor, name, self._policy.window)
        return Alike(before, self._policy.pause_threshold, trial.error_class if trial else None)

    def _pause(self, name: str, many: TooManyAlike) -> None:
        trial = self._taken[name].trial
        if trial:
            statement = self._states.trial_failed(name, trial.failed, self._policy)
        else:
            statement = self._states.pause_alike(name, self._shard, many.failures, many.last, self._policy)
        execute(self._cursor, [statement])
        self.failed.append(name)
        self.happened.append((name, "trial_failed" if trial else "paused", 1))
        log.error(
            "The projection stays paused: a trial failed." if trial else "The projection is paused.",
            projection=name,
            failures=many.failures,
            error=many.last.error_class,
            at=str(many.last.event.at),
        )

    def _report(self, name: str, failures: Sequence[Failure]) -> None:
        self.failed.append(name)
        for failed in failures:
            # The text of an error may repeat what is in the event, such as an e-mail address.
            log.error(
                "An aggregate is parked.",
                projection=name,
                aggregate_type=failed.event.aggregate_type,
                aggregate=failed.event.aggregate_id,
                at=str(failed.event.at),
                error=failed.error_class,
            )

    def end_trials(self) -> None:
        """Let projections go on that were to be tried where nothing is left to fail."""
        for name, taken in self._taken.items():
            if taken.trial and name not in self.moved and name not in self.failed:
                execute(self._cursor, [self._states.trial_passed(name)])
