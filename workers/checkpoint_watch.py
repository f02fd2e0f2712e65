"""The clock's look at the checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from domain.postgres.pool import Pool
from domain.read.watch.marks import SQL, Mark
from domain.read.watch.monitor import Monitor

log = structlog.get_logger(__name__)


class CheckpointWatch:
    """Writes down since when each lagging checkpoint has been seen where it is, and how many events were applied.

    These times are the database's own, so a standstill is seen even where the events' times are wrong. What is amiss
    is logged when it begins and when it ends.
    """

    def __init__(self, monitor: Monitor, pool: Pool) -> None:
        self._monitor = monitor
        self._pool = pool
        self._known: set[str] = set()

    def __call__(self) -> None:
        marks = self._monitor.marks()
        self._note([mark for mark in marks if mark.lag > 0])
        self._sample(marks)
        self._report()

    def _note(self, behind: Sequence[Mark]) -> None:
        with self._pool.cursor() as cursor:
            cursor.execute(
                SQL["note_marks"],
                {
                    "projections": [mark.projection for mark in behind],
                    "shards": [mark.shard for mark in behind],
                    "positions": [mark.position for mark in behind],
                },
            )

    def _sample(self, marks: Sequence[Mark]) -> None:
        applied: dict[str, int] = {}
        for mark in marks:
            applied[mark.projection] = applied.get(mark.projection, 0) + mark.position
        with self._pool.cursor() as cursor:
            cursor.execute(
                SQL["take_samples"], {"projections": list(applied), "applied": [applied[name] for name in applied]}
            )

    def _report(self) -> None:
        health = self._monitor.health()
        # The numbers in the words change with every look.
        present = {_without_numbers(reason): reason for reason in health.reasons}
        for words in present.keys() - self._known:
            log.warning("The projections are not well.", verdict=health.verdict, reason=present[words])
        if self._known and not present:
            log.info("The projections are well again.")
        self._known = set(present)


def _without_numbers(words: str) -> str:
    return "".join(each for each in words if not each.isdigit())
