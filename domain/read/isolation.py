"""Folding events of which some can't be folded: all the others get through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from domain.model.event import RecordedEvent
from domain.read.errors import is_timeout, is_transient
from domain.read.failure import Failure, failure
from domain.read.fold import fold
from domain.read.projection import Projection, Skipped
from domain.read.row_store import PostgresRowStore

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

#: The events of one aggregate, in order.
Group = Sequence[RecordedEvent]


class TooManyAlike(Exception):
    """So many aggregates failed alike that the fault is not theirs."""

    def __init__(self, failures: int, last: Failure) -> None:
        self.failures, self.last = failures, last
        super().__init__(f"{failures} aggregates failed with {last.error_class}")


class Alike:
    """Counts the failures of a projection by the class of their error, and says when there are too many."""

    def __init__(self, before: Mapping[str, int], threshold: int, intolerable: str | None = None) -> None:
        """*before* has been counted already. Of the class *intolerable* one is too many."""
        self._seen = Counter(before)
        self._threshold = threshold
        self._intolerable = intolerable

    def count(self, failed: Failure) -> None:
        """Raise TooManyAlike if it is."""
        self._seen[failed.error_class] += 1
        failures = self._seen[failed.error_class]
        if failures >= self._threshold or failed.error_class == self._intolerable:
            raise TooManyAlike(failures, failed)


#: A sixth of the session's time for a statement, until the transaction ends.
_HURRY = (
    "SELECT set_config('statement_timeout', (setting::int / 6)::text, true) "
    "FROM pg_settings WHERE name = 'statement_timeout'"
)


def hurry(cursor: cursor) -> None:
    """Let no statement take long until the transaction ends: each half that is tried may take as long as it may."""
    cursor.execute(_HURRY)


class Isolation:
    """Folds within the transaction of *cursor*, each attempt in a savepoint of its own.

    Halving finds the few aggregates that fail with few attempts, and within each the event it fails at.
    """

    def __init__(
        self, cursor: cursor, schema: str, projection: Projection, skipped: Skipped, *, patient: bool = True
    ) -> None:
        """Without being *patient* a statement that takes too long is the fault of the event that it is about."""
        self._cursor = cursor
        self._patient = patient
        self._store = PostgresRowStore(cursor, schema)
        self._projection = projection
        self._skipped = skipped

    def fold(self, groups: Sequence[Group], alike: Alike | None = None) -> list[Failure]:
        """Fold and write *groups*; return where aggregates failed. Up to there their events are folded.

        Raises TooManyAlike when *alike* says so, and what is_transient().
        """
        if not groups:
            return []
        error = self._attempt([event for group in groups for event in group])
        if error is None:
            return []
        if len(groups) > 1:
            half = len(groups) // 2
            return self.fold(groups[:half], alike) + self.fold(groups[half:], alike)
        failed = self._first(groups[0], error)
        if failed is None:
            return []
        if alike is not None:
            alike.count(failed)
        return [failed]

    def _first(self, group: Group, error: Exception) -> Failure | None:
        """Return the first event of *group* that fails, after those before it are folded. As a whole it failed."""
        if len(group) == 1:
            return failure(group[0], error)
        half = len(group) // 2
        for part in (group[:half], group[half:]):
            if (reason := self._attempt(part)) is not None:
                return self._first(part, reason)
        return None

    def _attempt(self, events: Group) -> Exception | None:
        """Fold and write *events*, or change nothing and return why."""
        self._cursor.execute("SAVEPOINT attempt")
        try:
            self._store.write(fold(self._projection, events, self._store, self._skipped))
        except Exception as error:
            if is_transient(error) and (self._patient or not is_timeout(error)):
                raise
            self._cursor.execute("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")
            return error
        self._cursor.execute("RELEASE SAVEPOINT attempt")
        return None
