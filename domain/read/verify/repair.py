"""Repairing the rows of one aggregate in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import structlog

from domain.model.event_log import EventLog
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.projection import Projection
from domain.read.rebuild.bookkeeping import open_checkpoints
from domain.read.rebuild.errors import ProjectionNotFound
from domain.read.rewrites import Rewrites
from domain.read.row_store import PostgresRowStore, execute
from domain.read.rows import Rows
from domain.read.tables import Key, RowTable
from domain.read.verify.difference import Difference, differences
from domain.read.verify.errors import AggregateNotFound
from domain.read.verify.refold import Refold, rows_of, stand, unit_of

log = structlog.get_logger(__name__)


class Repair:
    """Makes the rows of an aggregate what its events give, while events go on.

    Where an aggregate adds to rows of others, such as a count, all rows of its tenant in the projection are repaired:
    only they together say what the count has to be.
    """

    def __init__(
        self, pool: Pool, event_log: EventLog, projections: Sequence[Projection], schema: str = "read_schema"
    ) -> None:
        """The sessions of *pool* need the engine's SESSION."""
        self._pool = pool
        self._event_log = event_log
        self._projections = {projection.name: projection for projection in projections}
        self._schema = schema
        self._rewrites = Rewrites(schema)

    def repair(self, projection: str, tenant_id: str, aggregate_id: str) -> dict[str, Any]:
        """Repair the rows; return what differed, as JSON values. Raises ProjectionNotFound and AggregateNotFound."""
        known = self._projections.get(projection)
        if known is None:
            raise ProjectionNotFound(projection=projection, known=", ".join(self._projections))
        shard, unit = shard_of(tenant_id), unit_of(known, tenant_id, aggregate_id)
        refold = Refold(self._event_log, known, shard, unit)
        with self._pool.cursor() as cursor:
            open_checkpoints(cursor, projection, self._schema)
            before = stand(cursor, self._schema, projection, shard)
        # Most of it is folded before the shard is held.
        refold.up_to(before)
        with self._pool.transaction() as cursor:
            now = stand(cursor, self._schema, projection, shard, lock=True)
            if (now.parked, now.skipped) != (before.parked, before.skipped) or now.position < before.position:
                # An aggregate was parked or released meanwhile, so what was left out before is no more the same.
                refold = Refold(self._event_log, known, shard, unit)
            refold.up_to(now)
            store = PostgresRowStore(cursor, self._schema)
            expected, actual = refold.tables(), rows_of(store, known, [unit])
            if not refold.aggregates and not any(actual.values()):
                raise AggregateNotFound(projection=projection, aggregate_id=aggregate_id)
            found = list(differences(expected, actual))
            _put_right(store, found)
            # The cache hears of what was changed in the same way as of an aggregate that was released.
            for id in {difference.aggregate_id for difference in found}:
                execute(cursor, [self._rewrites.add(projection, tenant_id, id, shard, 1)])
        report = {
            "projection": projection,
            "tenant_id": tenant_id,
            "aggregate_id": aggregate_id,
            "position": f"{shard}-{now.position}",
            "rows": sum(len(each) for each in expected.values()),
            "repaired": len(found),
            "differences": [difference.as_json() for difference in found[:100]],
        }
        if found:
            log.warning("Rows have been repaired.", **report)
        return report


def _put_right(store: PostgresRowStore, found: Iterable[Difference]) -> None:
    wanted: dict[RowTable, set[Key]] = {}
    for difference in found:
        wanted.setdefault(difference.table, set()).add(difference.key)
    rows = Rows()
    rows.load(store, wanted)
    for table, key, _, _, expected in found:
        if expected is None:
            rows.remove(table, key)
        else:
            rows.put(table, expected)
    store.write(rows)
