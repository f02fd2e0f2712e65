"""Choosing what to verify."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from domain.model.event_log import EventLog
from domain.postgres.pool import Pool
from domain.read.projection import Projection
from domain.read.tables import RowTable
from domain.read.verify.refold import Unit, unit_of_row

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

#: How many events past the chosen place are looked at for one that concerns the projection.
_LOOK = 50


class Sampling:
    """Chooses aggregates at random, without reading more than a few rows and events for each."""

    def __init__(self, pool: Pool, event_log: EventLog, schema: str) -> None:
        self._pool = pool
        self._event_log = event_log
        self._schema = schema

    def units(self, projection: Projection, n: int) -> list[Unit]:
        """Return up to *n*, each as (tenant_id, aggregate_id): half of them by a random event, half by a random row."""
        by_event = {unit for unit in (self._by_event(projection) for _ in range((n + 1) // 2)) if unit}
        by_row = {unit for unit in self._by_row(projection, n // 2) if unit}
        return [*by_event, *(by_row - by_event)]

    def tenants(self, projection: Projection) -> set[str]:
        """Return the tenants that have rows, by one look into the index for each."""
        found: set[str] = set()
        with self._pool.cursor() as cursor:
            for table in projection.tables:
                cursor.execute(
                    "WITH RECURSIVE tenant AS ("  # noqa: S608
                    f"(SELECT tenant_id FROM {self._schema}.{table.name} ORDER BY tenant_id LIMIT 1) UNION ALL "
                    f"SELECT (SELECT t.tenant_id FROM {self._schema}.{table.name} t WHERE t.tenant_id > "
                    "tenant.tenant_id ORDER BY t.tenant_id LIMIT 1) FROM tenant WHERE tenant.tenant_id IS NOT NULL"
                    ") SELECT tenant_id FROM tenant WHERE tenant_id IS NOT NULL"
                )
                found.update(tenant_id for (tenant_id,) in cursor.fetchall())
        return found

    def _by_event(self, projection: Projection) -> Unit | None:
        heads = self._event_log.heads()
        if not heads:
            return None
        # A shard is chosen as often as it has events.
        (shard,) = random.choices(list(heads), weights=list(heads.values()))  # noqa: S311
        place = random.randrange(heads[shard])  # noqa: S311
        for event in self._event_log.read(shard, place, _LOOK):
            if event.aggregate_type in projection.owned:
                return (event.tenant_id, event.aggregate_id)
        return None

    def _by_row(self, projection: Projection, n: int) -> Iterator[Unit]:
        with self._pool.cursor() as cursor:
            for number in range(n):
                table = projection.tables[number % len(projection.tables)]
                unit: Unit = ()
                # A tenant at random first, and then one of its aggregates.
                for column in table.key[:2]:
                    found = self._following(cursor, table, unit, column)
                    if found is None:
                        break
                    unit = (*unit, found)
                else:
                    yield unit_of_row(unit)

    def _following(self, cursor: cursor, table: RowTable, unit: Unit, column: str) -> str | None:
        """Return the value of *column* that follows a random place among the rows of *unit*. Behind the last place
        comes the first."""
        where = " AND ".join(f"{name} = %s::uuid" for name in table.key[: len(unit)]) or "true"
        select = f"SELECT {column} FROM {self._schema}.{table.name} WHERE {where}"  # noqa: S608
        cursor.execute(
            f"({select} AND {column} >= %s::uuid ORDER BY {column} LIMIT 1) UNION ALL "
            f"({select} ORDER BY {column} LIMIT 1) LIMIT 1",
            [*unit, str(uuid.uuid4()), *unit],
        )
        row = cursor.fetchone()
        return None if row is None else str(row[0])
