"""The steps of a rebuild, one for each of its states.

A step is one transaction, or it goes by checkpoints, so after a crash it is taken again. Where somebody else is at it,
or has moved the rebuild to another state, nothing of it is committed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog
from psycopg2 import errors as pg

from domain.model.errors import Unavailable
from domain.model.event_log import EventLog
from domain.postgres.pool import Pool
from domain.read.projection import Projection
from domain.read.rebuild import bookkeeping, cut_over, ddl, health
from domain.read.rebuild.comparison import Comparison
from domain.read.rebuild.folding import Folding
from domain.read.rebuild.records import Overtaken, Rebuild, Rebuilds, State

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = structlog.get_logger(__name__)

#: A rebuild that lags by no more than this many events is brought up to the live one while that is held.
_CLOSE = 2000

#: Seconds to leave a step to the one who is at it, or the tables to the queries that hold them.
_PAUSE = 0.05

#: Seconds that the live projection may be held for the rebuild to catch up.
_HOLD = 5.0


class NotYet(Exception):
    """The rebuild did not catch up while the live projection was held."""


class Steps:
    """What is to be done for the rebuild of one *projection* in each of its states."""

    def __init__(
        self,
        pool: Pool,
        event_log: EventLog,
        projection: Projection,
        records: Rebuilds,
        on_cut_over: Callable[[str], None],
        batch_size: int,
    ) -> None:
        self._pool = pool
        self._event_log = event_log
        self._projection = projection
        self._schema = ddl.rebuild_schema(projection.name)
        self._records = records
        self._on_cut_over = on_cut_over
        self._batch_size = batch_size
        self._steps: Mapping[str, Callable[[Rebuild, float], None]] = {
            "preparing": self._prepare,
            "loading": self._load,
            "indexing": self._index,
            "following": self._follow,
            "cut_over": self._tell,
            "cancelling": self._clear,
        }

    def take(self, rebuild: Rebuild, deadline: float) -> None:
        """Take the step of *rebuild*'s state; one that can be done in parts until the *deadline*."""
        self._steps[rebuild.state](rebuild, deadline)

    def fail(self, rebuild: Rebuild, error: Exception) -> None:
        """End *rebuild* for good and take its tables away."""
        log.error("A rebuild has failed.", projection=rebuild.projection, rebuild=rebuild.id, exc_info=error)
        with self._records.transaction() as cursor:
            ddl.drop_schema(cursor, self._schema)
            self._records.move(cursor, rebuild, "failed", error=f"{type(error).__name__}: {error}"[:2000])

    def _prepare(self, rebuild: Rebuild, _deadline: float) -> None:
        with self._moving(rebuild, "loading") as cursor:
            ddl.make_schema(cursor, self._schema)
            for table in self._projection.tables:
                ddl.copy_table(cursor, table.name, self._schema)
            bookkeeping.make(cursor, rebuild.projection, self._schema)

    def _load(self, rebuild: Rebuild, deadline: float) -> None:
        if self._fold(rebuild, deadline) <= _CLOSE:
            with self._moving(rebuild, "indexing"):
                pass

    def _index(self, rebuild: Rebuild, _deadline: float) -> None:
        # Indexes that are made of all rows at once cost a fraction of what keeping them up row by row does.
        with self._moving(rebuild, "following") as cursor:
            for table in self._projection.tables:
                ddl.copy_indexes(cursor, table.name, self._schema)

    def _follow(self, rebuild: Rebuild, deadline: float) -> None:
        if self._fold(rebuild, deadline) > _CLOSE:
            return
        try:
            if rebuild.compare and rebuild.comparison is None:
                self._compare(rebuild)
            elif rebuild.cut_over:
                self._cut_over(rebuild)
            else:
                with self._moving(rebuild, "compared", events=self._folded(rebuild)) as cursor:
                    ddl.drop_schema(cursor, self._schema)
        except (pg.LockNotAvailable, NotYet):
            # A query or a batch takes long. Nothing has happened, and all go on as if nobody had asked.
            time.sleep(_PAUSE)

    def _compare(self, rebuild: Rebuild) -> None:
        comparison = Comparison(self._projection, self._schema)
        with self._records.snapshot() as cursor:
            comparison.compare(cursor, comparison.alike(cursor))
        # Where events keep coming the two are never seen alike, so there the live one has to wait.
        with self._records.transaction() as cursor:
            self._catch_up(rebuild, cut_over.hold(cursor, self._projection))
            comparison.compare(cursor, comparison.alike(cursor))
        self._records.note(rebuild, comparison.result())

    def _cut_over(self, rebuild: Rebuild) -> None:
        with self._moving(rebuild, "cut_over") as cursor:
            live = cut_over.hold(cursor, self._projection)
            self._catch_up(rebuild, live)
            rebuilt = bookkeeping.lock_checkpoints(cursor, rebuild.projection, self._schema)
            if any(rebuilt[shard] < position for shard, position in live.items()):
                raise NotYet
            health.check_parked(cursor, rebuild.projection)
            self._records.count(cursor, rebuild, sum(rebuilt.values()))
            cut_over.swap(cursor, self._projection)
        log.info("A rebuild is cut over.", projection=rebuild.projection, rebuild=rebuild.id)

    def _tell(self, rebuild: Rebuild, _deadline: float) -> None:
        try:
            self._on_cut_over(rebuild.projection)
        except Exception as error:
            # Until all have heard of the new rows, the rebuild is not done, and whoever drives it on tries again.
            raise Unavailable(reason=f"not all have heard of new rows: {type(error).__name__}") from error
        with self._moving(rebuild, "done"):
            pass

    def _clear(self, rebuild: Rebuild, _deadline: float) -> None:
        with self._moving(rebuild, "cancelled") as cursor:
            ddl.drop_schema(cursor, self._schema)

    def _folding(self, rebuild: Rebuild) -> Folding:
        return Folding(
            self._pool,
            self._event_log,
            self._projection,
            self._batch_size,
            behind_live=rebuild.compare and rebuild.comparison is None,
        )

    def _fold(self, rebuild: Rebuild, deadline: float) -> int:
        """Fold until the *deadline*, or while *rebuild* is in its state; return how many events are left."""

        def goes_on() -> bool:
            return time.monotonic() < deadline and self._records.running(rebuild.projection) == rebuild

        with self._pool.cursor() as cursor:
            bookkeeping.take_skips(cursor, rebuild.projection, self._schema)
        left = self._folding(rebuild).once(goes_on)
        with self._pool.cursor() as cursor:
            health.check_running(cursor, rebuild.projection)
        return left

    def _catch_up(self, rebuild: Rebuild, live: dict[int, int]) -> None:
        if not self._folding(rebuild).up_to(live, _HOLD):
            raise NotYet

    def _folded(self, rebuild: Rebuild) -> int:
        return sum(self._folding(rebuild).positions(self._schema).values())

    @contextmanager
    def _moving(self, rebuild: Rebuild, state: State, **columns: object) -> Iterator[cursor]:
        """Lend a transaction that takes *rebuild* on to *state*. Raises Overtaken where another one is at that."""
        with self._records.transaction() as cursor:
            if not self._records.alone(cursor, rebuild):
                time.sleep(_PAUSE)
                raise Overtaken
            yield cursor
            self._records.move(cursor, rebuild, state, **columns)
