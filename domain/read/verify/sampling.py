"""Choosing what to verify."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator

from domain.model.event_log import EventLog
from domain.postgres.pool import Pool
from domain.read.projection import Projection
from domain.read.tables import RowTable
from domain.read.verify.refold import Unit, stands_alone, unit_of

#: How many events past the chosen place are looked at for one that concerns the projection.
_LOOK = 50


class Sampling:
    """Chooses aggregates at random, without reading more than a few rows and events for each."""

    def __init__(self, pool: Pool, event_log: EventLog, schema: str) -> None:
        self._pool = pool
        self._event_log = event_log
        self._schema = schema

    def units(self, projection: Projection, n: int) -> list[Unit]:
        """Return up to *n*: half of them by a random event, half by a random row."""
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
                return unit_of(projection, event.tenant_id, event.aggregate_id)
        return None

    def _by_row(self, projection: Projection, n: int) -> Iterator[Unit]:
        with self._pool.cursor() as cursor:
            for number in range(n):
                table: RowTable = projection.tables[number % len(projection.tables)]
                columns = table.key[: 2 if stands_alone(projection) else 1]
                names = ", ".join(columns)
                places = ", ".join(["%s::uuid"] * len(columns))
                # The row that follows a random place. Behind the last place comes the first row.
                cursor.execute(
                    f"(SELECT {names} FROM {self._schema}.{table.name} WHERE ({names}) >= ({places}) "  # noqa: S608
                    f"ORDER BY {names} LIMIT 1) UNION ALL "
                    f"(SELECT {names} FROM {self._schema}.{table.name} ORDER BY {names} LIMIT 1) LIMIT 1",
                    [str(uuid.uuid4()) for _ in columns],
                )
                if row := cursor.fetchone():
                    yield tuple(row)
