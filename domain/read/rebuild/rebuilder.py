"""Rebuilding projections: beginning it, driving it on, calling it off, going back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import psycopg2
import structlog

from domain.model.event_log import EventLog
from domain.postgres.pool import Pool
from domain.read.errors import is_transient
from domain.read.projection import Projection
from domain.read.rebuild import cut_over, ddl
from domain.read.rebuild.comparison import Comparison
from domain.read.rebuild.errors import NoRebuildRunning, NothingKept, ProjectionNotFound, RebuildNotFound
from domain.read.rebuild.progress import progress
from domain.read.rebuild.records import Overtaken, Rebuilds
from domain.read.rebuild.steps import Steps

log = structlog.get_logger(__name__)

#: Events in memory at once. More of them are hardly faster, and take more than a worker may have: a workspace's
#: settings alone are up to 16 KiB in an event, and several times that in Python.
BATCH_SIZE = 2000

#: Called with the name of a projection whose rows have been replaced by others, after that was committed. It is called
#: again until it returns.
OnCutOver = Callable[[str], None]


def nobody(_projection: str) -> None:
    """Nobody has to hear of a cut-over."""


class Rebuilder:
    """Rebuilds projections, in steps that any number of processes may take together.

    All that was done lies in the database: the state of each rebuild, and a checkpoint for each of its shards. So
    whoever drives a rebuild may die at any moment, and whoever comes next goes on from there.
    """

    def __init__(
        self,
        pool: Pool,
        event_log: EventLog,
        projections: Sequence[Projection],
        on_cut_over: OnCutOver = nobody,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        """The sessions of *pool* need the engine's SESSION."""
        self._event_log = event_log
        self._projections = {projection.name: projection for projection in projections}
        self._records = Rebuilds(pool)
        self._steps = {
            projection.name: Steps(pool, event_log, projection, self._records, on_cut_over, batch_size)
            for projection in projections
        }

    def start(self, projection: str, *, compare: bool = False, cut_over: bool = True, by: str = "") -> dict[str, Any]:
        """Begin to rebuild *projection*; return its progress. Raises ProjectionNotFound and RebuildRunning.

        With *compare* the rows are compared with the live ones once they have caught up. Without *cut_over* that is
        all: then they are thrown away.
        """
        self._known(projection)
        rebuild = self._records.begin(projection, compare=compare or not cut_over, cut_over=cut_over, by=by)
        log.info("A rebuild begins.", projection=projection, rebuild=rebuild.id, by=by)
        return self.progress(projection)

    def running(self) -> list[str]:
        """Return the projections whose rebuild is to be driven on."""
        return [name for name in self._records.all_running() if name in self._projections]

    def drive(self, projection: str, seconds: float = 1.0) -> bool:
        """Take steps for about *seconds*, one at least; return whether there is more to do.

        Raises what is_transient(): then it is to be tried again. Any other error ends the rebuild, on record.
        """
        self._known(projection)
        deadline = time.monotonic() + seconds
        while (rebuild := self._records.running(projection)) is not None:
            try:
                self._steps[projection].take(rebuild, deadline)
            except Overtaken:
                pass
            except Exception as error:
                # Its tables may have gone meanwhile, because it was called off or cut over by another process.
                if self._records.running(projection) == rebuild:
                    if is_transient(error):
                        raise
                    with suppress(Overtaken):
                        self._steps[projection].fail(rebuild, error)
            if time.monotonic() >= deadline:
                return self._records.running(projection) is not None
        return False

    def progress(self, projection: str) -> dict[str, Any]:
        """Return how far the latest rebuild of *projection* is, as JSON values. Raises RebuildNotFound."""
        self._known(projection)
        try:
            return self._progress(projection)
        except psycopg2.errors.UndefinedTable:
            # It was cut over or called off while we looked, so its tables are gone; the second look says so.
            return self._progress(projection)

    def _progress(self, projection: str) -> dict[str, Any]:
        rebuild = self._records.latest(projection)
        if rebuild is None:
            raise RebuildNotFound(projection=projection)
        heads = self._event_log.heads()
        with self._records.snapshot() as cursor:
            return progress(cursor, rebuild, heads)

    def cancel(self, projection: str) -> dict[str, Any]:
        """Call the running rebuild off and take its tables away. Raises NoRebuildRunning."""
        self._known(projection)
        if not self._records.cancel(projection):
            raise NoRebuildRunning(projection=projection)
        log.info("A rebuild is called off.", projection=projection)
        return self._settled(projection)

    def way_back(self, projection: str, by: str = "") -> dict[str, Any]:
        """Put the tables that the last cut-over has kept in place of the live ones, which are kept in turn.

        They go on from where they stood. Raises NothingKept, ShapeChanged and RebuildRunning.
        """
        known = self._known(projection)
        with self._records.transaction() as cursor:
            self._records.begin_way_back(cursor, projection, by)
            cut_over.go_back(cursor, known)
        log.warning("The former tables are the live ones again.", projection=projection, by=by)
        return self._settled(projection)

    def compare(self, projection: str) -> dict[str, Any]:
        """Compare the kept tables with the live ones, on the shards where both have folded the same events.

        Raises NothingKept.
        """
        comparison = Comparison(self._known(projection), ddl.kept_schema(projection))
        with self._records.snapshot() as cursor:
            if not ddl.exists(cursor, ddl.kept_schema(projection)):
                raise NothingKept(projection=projection)
            comparison.compare(cursor, comparison.alike(cursor))
        return comparison.result()

    def _settled(self, projection: str) -> dict[str, Any]:
        """Take the last step at once where that can be done; else whoever drives rebuilds takes it."""
        try:
            self.drive(projection, seconds=0)
        except Exception as error:
            log.warning("The last step of a rebuild is left to others.", projection=projection, reason=str(error))
        return self.progress(projection)

    def _known(self, projection: str) -> Projection:
        known = self._projections.get(projection)
        if known is None:
            raise ProjectionNotFound(projection=projection, known=", ".join(self._projections))
        return known
