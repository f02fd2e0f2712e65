"""What is known of the rows of one aggregate without reading the events of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.model.event_log import EventLog
from domain.model.position import shard_of
from domain.read.projection import Projection, Totals
from domain.read.row_store import PostgresRowStore
from domain.read.tables import Row, RowTable
from domain.read.verify.refold import Refold, Stand, Tables, Unit, shared, stand

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


class Known:
    """Looks at one aggregate of *projection* and, where aggregates add to a row of their tenant, at that row.

    Reads the events of the aggregate and of its tenant, and no others. The tenant's row is held against the rows that
    add to it, which PostgreSQL sums up. Two things of it don't show so: a time of the last change that is too late, and
    what is wrong in its other columns while its tenant's own first event is not folded.
    """

    def __init__(self, event_log: EventLog, projection: Projection, schema: str) -> None:
        self._event_log = event_log
        self._projection = projection
        self._schema = schema
        self._shared = shared(projection)

    def look(self, cursor: cursor, tenant_id: str, aggregate_id: str) -> tuple[Tables, Tables]:
        """Return the rows as they should be, with those columns that are known, and as they are.

        The transaction of *cursor* has to be a snapshot.
        """
        unit, tenant = (tenant_id, aggregate_id), (tenant_id, tenant_id)
        standing = stand(cursor, self._schema, self._projection.name, shard_of(tenant_id))
        folded, actual = self._folded(unit, standing), self._actual(cursor, unit)
        expected = {table: folded[table] for table in actual}
        if totals := self._projection.totals:
            own = folded if unit == tenant else self._folded(tenant, standing)
            of_tenant, of_unit, found = (tables[totals.table].get((tenant_id,)) for tables in (own, folded, actual))
            known = self._total(cursor, totals, tenant_id, of_tenant, [of_unit, found])
            expected[totals.table] = {} if known is None else {(tenant_id,): known}
        return expected, actual

    def _folded(self, unit: Unit, standing: Stand) -> Tables:
        refold = Refold(self._event_log, self._projection, shard_of(unit[0]), unit)
        # Behind a first event that is skipped, a tenant's events are folded into the row that others have begun.
        if not (unit[0] == unit[1] and self._shared and 1 in standing.skipped.get(unit[1], ())):
            refold.up_to(standing)
        return refold.tables()

    def _actual(self, cursor: cursor, unit: Unit) -> Tables:
        store = PostgresRowStore(cursor, self._schema)
        tables = [table for table in self._projection.tables if self._looks_at(table, unit)]
        loaded = {table: store.load(table, [unit[: len(table.key)]]) for table in tables}
        return {table: {table.key_of(row): row for row in rows} for table, rows in loaded.items()}

    def _looks_at(self, table: RowTable, unit: Unit) -> bool:
        if (totals := self._projection.totals) and table is totals.table:
            return True
        # A row for the whole tenant is the tenant's own.
        return table not in self._shared and (len(table.key) > 1 or unit[0] == unit[1])

    def _total(
        self, cursor: cursor, totals: Totals, tenant_id: str, own: Row | None, others: list[Row | None]
    ) -> Row | None:
        """Return what is known of the tenant's row, of which *own* is what its own events give. The *others* say what
        times there are besides."""
        shares, sums = self._sums(cursor, totals, tenant_id)
        if own is None and not shares:
            return None
        known = dict(own or {})
        for column in totals.latest:
            if times := [row[column] for row in (own, *others) if row is not None]:
                known[column] = max(times)
        return known | sums

    def _sums(self, cursor: cursor, totals: Totals, tenant_id: str) -> tuple[int, Row]:
        """Return how many rows add to the tenant's, and what they add up to."""
        sums = ", ".join(f"coalesce(sum({column}), 0)" for column in totals.sums.values())
        cursor.execute(
            f"SELECT count(*), {sums} FROM {self._schema}.{totals.shares.name} WHERE tenant_id = %s::uuid",  # noqa: S608
            (tenant_id,),
        )
        shares, *found = cursor.fetchone() or (0, *[0] * len(totals.sums))
        return shares, dict(zip(totals.sums, found, strict=True))
