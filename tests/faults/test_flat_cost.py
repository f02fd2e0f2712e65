"""An event costs the same to apply however many there are already.

Counted is what PostgreSQL touched, not time: tuples read from tables and indexes, and pages looked at.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest

from domain.postgres.pool import Pool
from domain.read.engine import SESSION, ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.write.postgres_store import PostgresEventStore
from tests.faults import record
from tests.faults.scale import scaled
from tests.performance.history import happen

pytestmark = pytest.mark.fault

#: How many users; each comes with about six events. The large store is past the sizes (some hundred rows in a table) up
#: to which PostgreSQL reads a whole table rather than looking its rows up, because that is as fast.
SMALL, LARGE, MEASURED = 170, scaled(6_000, 167_000), 100

_TOUCHED = """
SELECT relname, (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint,
    (heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit, 0) + coalesce(idx_blks_read, 0))::bigint
FROM pg_stat_user_tables JOIN pg_statio_user_tables USING (relid, schemaname, relname)
WHERE schemaname IN ('read_schema', 'write_schema') ORDER BY relname
"""


class Cost(NamedTuple):
    """What was touched of a table for an event."""

    tuples: float
    pages: float


def fold(url: str) -> int:
    """Fold all that there is, in a session of its own; return how many events that were."""
    pool, log = Pool(url, settings=SESSION), Pool(url)
    engine = ProjectionEngine(pool, PostgresEventStore(log), PROJECTIONS)
    applied = sum(engine.catch_up(shard, seconds=600).applied for shard in engine.lagging_shards())
    pool.close()
    log.close()
    return applied


def touched(url: str) -> dict[str, tuple[int, int]]:
    """The counters by table, when they have come to rest: a session hands in what it counted when it ends."""
    before = None
    while (now := record.rows(url, _TOUCHED)) != before:
        before = now
        time.sleep(0.3)
    return {name: (tuples, pages) for name, tuples, pages in now}


def cost(url: str, first: int) -> dict[str, Cost]:
    """What an event costs when some more come."""
    grow(url, MEASURED, first)
    before = touched(url)
    events = fold(url)
    after = touched(url)
    assert events > 5 * MEASURED
    return {
        name: Cost(*((late - early) / events for early, late in zip(before[name], after[name], strict=True)))
        for name in after
    }


def grow(url: str, users: int, first: int) -> None:
    pool = Pool(url, settings=SESSION)
    happen(pool, users, first=first)
    pool.close()


def test_an_event_costs_the_same_in_a_small_store_and_in_a_large_one(database_url: str):
    # Given that nobody else touches the tables
    tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname ~ '^(read|write)_schema$'"
    for (table,) in record.rows(database_url, tables):
        record.execute(database_url, f"ALTER TABLE {table} SET (autovacuum_enabled = off)")

    # When the same is applied after a thousand events and after many
    grow(database_url, SMALL, 0)
    fold(database_url)
    small = cost(database_url, SMALL)
    grow(database_url, LARGE, SMALL + MEASURED)
    fold(database_url)
    large = cost(database_url, SMALL + MEASURED + LARGE)

    # Then of each table as many tuples are read, and no more pages than a level more in each index, and than where each
    # tuple lies on a page of its own
    for name, (tuples, pages) in large.items():
        if pages:
            print(f"{name}, for each event: {small[name]} in the small store, {large[name]} in the large one")
        assert tuples <= 1.1 * small[name].tuples + 0.1, name
        assert pages <= 2 * small[name].pages + tuples + 0.1, name
    # And so of all together
    few, many = (Cost(*map(sum, zip(*costs.values(), strict=True))) for costs in (small, large))
    assert many.tuples <= 1.1 * few.tuples
    assert many.pages <= 2 * few.pages
