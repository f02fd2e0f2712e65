"""Verifying that the rows are what the events give, while events go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from domain.model.event_log import EventLog
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.projection import Projection
from domain.read.rebuild.errors import ProjectionNotFound
from domain.read.rebuild.records import Rebuilds
from domain.read.row_store import PostgresRowStore
from domain.read.tables import Key, RowTable
from domain.read.verify.difference import Difference, differences
from domain.read.verify.known import Known
from domain.read.verify.records import NullVerifications, Verification, Verifications
from domain.read.verify.refold import Refold, Unit, rows_of, stand, unit_of_row
from domain.read.verify.sampling import Sampling

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = structlog.get_logger(__name__)

#: How many differences are kept as examples, and logged one by one.
_EXAMPLES = 20

#: Called after each part of the whole, with how many parts there are.
OnProgress = Callable[[int], None]


def nobody(_parts: int) -> None:
    """Nobody wants to hear how far it is."""


class Verifier:
    """Folds events again and compares the result with the rows.

    Checkpoint, parked aggregates and rows are read in one snapshot, and the events are folded up to that checkpoint. So
    nothing has to stand still, and what differs has drifted.
    """

    def __init__(
        self,
        pool: Pool,
        event_log: EventLog,
        projections: Sequence[Projection],
        schema: str = "read_schema",
        records: Verifications | NullVerifications | None = None,
    ) -> None:
        """The sessions of *pool* need the engine's SESSION. What is found is kept in *records*; None: in the schema."""
        self._pool = pool
        self._event_log = event_log
        self._projections = {projection.name: projection for projection in projections}
        self._schema = schema
        self._sampling = Sampling(pool, event_log, schema)
        self._records = records or Verifications(pool)

    def sample(self, n: int = 20, projections: Iterable[str] = ()) -> list[dict[str, Any]]:
        """Verify about *n* aggregates of each of *projections*, or of all; return what was found, as JSON values.

        Half of them are chosen among the events, which finds rows that are missing, and half among the rows, which
        finds those that no event accounts for. No events are read but a few to choose by and those of the aggregates
        and their tenants, however long the log is: see Known for what of a tenant's row that can't show. What is known
        to have drifted is looked at again, as far as there are examples of it, and stays known until it is right.
        Raises ProjectionNotFound.
        """
        return [self._sample(projection, n) for projection in self._chosen(projections)]

    def all(self, projections: Iterable[str] = (), on_progress: OnProgress = nobody) -> list[dict[str, Any]]:
        """Verify every row of *projections*, or of all, shard by shard; return as sample() does."""
        return [self._all(projection, on_progress) for projection in self._chosen(projections)]

    def _chosen(self, names: Iterable[str]) -> list[Projection]:
        if unknown := [name for name in names if name not in self._projections]:
            raise ProjectionNotFound(projection=unknown[0], known=", ".join(self._projections))
        return [self._projections[name] for name in (list(names) or self._projections)]

    def _sample(self, projection: Projection, n: int) -> dict[str, Any]:
        known, found = Known(self._event_log, projection, self._schema), Found()
        before = self._before(projection)
        aggregates: set[Unit] = set()
        rows: set[tuple[RowTable, Key]] = set()
        for tenant_id, aggregate_id in {**before.units, **dict.fromkeys(self._sampling.units(projection, n))}:
            with self._snapshot(projection) as cursor:
                expected, actual = known.look(cursor, tenant_id, aggregate_id)
            found.add(differences(expected, actual))
            aggregates.add((tenant_id, aggregate_id))
            if projection.totals:
                aggregates.add((tenant_id, tenant_id))
            rows.update((table, key) for table, loaded in actual.items() for key in loaded)
        found.aggregates, found.rows = len(aggregates) + before.unseen, len(rows)
        return self._keep(projection, found, before, complete=False)

    def _all(self, projection: Projection, on_progress: OnProgress) -> dict[str, Any]:
        tenants: defaultdict[int, set[Unit]] = defaultdict(set)
        for tenant_id in self._sampling.tenants(projection):
            tenants[shard_of(tenant_id)].add((tenant_id,))
        shards = sorted(tenants.keys() | self._event_log.heads().keys())
        found = Found()
        for shard in shards:
            self._verify(projection, shard, found, tenants[shard])
            on_progress(len(shards))
        return self._keep(projection, found, self._before(projection), complete=True)

    def _verify(self, projection: Projection, shard: int, found: Found, tenants: Collection[Unit]) -> None:
        refold = Refold(self._event_log, projection, shard)
        with self._snapshot(projection) as cursor:
            refold.up_to(stand(cursor, self._schema, projection.name, shard))
            units = {*tenants, *((tenant_id,) for tenant_id, _ in refold.aggregates)}
            actual = rows_of(PostgresRowStore(cursor, self._schema), projection, units)
        found.aggregates += len(refold.aggregates) or 1
        found.rows += sum(len(rows) for rows in actual.values())
        found.add(differences(refold.tables(), actual))

    @contextmanager
    def _snapshot(self, projection: Projection) -> Iterator[cursor]:
        with Rebuilds(self._pool).snapshot() as cursor:
            # The snapshot has to wait while events are read from what may be another database. It is taken after the
            # locks, which keep a rebuild from putting other rows beside the checkpoints that are seen here.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            tables = ", ".join(f"{self._schema}.{table.name}" for table in projection.tables)
            cursor.execute(f"LOCK TABLE {tables} IN ACCESS SHARE MODE")
            yield cursor

    def _before(self, projection: Projection) -> Before:
        last = self._records.last(projection.name)
        if last is None:
            return Before({}, 0)
        tables, units = {table.name: table for table in projection.tables}, dict[Unit, None]()
        for example in (each for each in last.examples if each["table"] in tables):
            # In the order of the key: PostgreSQL keeps an object's names in one of its own.
            key = tuple(example["key"][column] for column in tables[example["table"]].key)
            units[unit_of_row(key)] = None
        return Before(units, max(last.drifted - len(units), 0))

    def _keep(self, projection: Projection, found: Found, before: Before, *, complete: bool) -> dict[str, Any]:
        for difference in found.examples:
            log.error("A row is not what its events give.", projection=projection.name, **difference.as_json())
        drifted = len(found.drifted) + (0 if complete else before.unseen)
        if drifted:
            log.error("Rows have drifted from the events.", projection=projection.name, aggregates=drifted)
        new = len(found.drifted - {aggregate_id for _, aggregate_id in before.units})
        verification = Verification(
            projection=projection.name,
            complete=complete,
            aggregates=found.aggregates,
            rows=found.rows,
            drifted=drifted,
            examples=[difference.as_json() for difference in found.examples],
        )
        return self._records.keep(verification, max(new - before.unseen, 0) if complete else new).as_json()


class Before(NamedTuple):
    """What is known to have drifted: the *units* of which there are examples, and how many more that are *unseen*."""

    units: dict[Unit, None]
    unseen: int


class Found:
    """What has been found so far."""

    def __init__(self) -> None:
        self.aggregates = 0
        self.rows = 0
        self.drifted: set[str] = set()
        self.examples: list[Difference] = []

    def add(self, differences: Iterable[Difference]) -> None:
        for difference in differences:
            self.drifted.add(difference.aggregate_id)
            if len(self.examples) < _EXAMPLES and difference not in self.examples:
                self.examples.append(difference)
