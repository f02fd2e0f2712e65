"""The read models against a plain fold of the whole log, one event after the other, in memory."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from domain.postgres.pool import Pool
from domain.read.engine import SESSION
from domain.read.fold import fold
from domain.read.memory_rows import MemoryRowStore
from domain.read.projections import PROJECTIONS
from domain.write.postgres_store import PostgresEventStore

Tables = dict[str, dict[Any, dict[str, Any]]]


def folded(store: PostgresEventStore) -> Tables:
    """The rows that a sequential fold of all events gives."""
    memory = MemoryRowStore()
    for shard, head in store.heads().items():
        for event in store.read(shard, 0, head):
            for projection in PROJECTIONS:
                memory.write(fold(projection, [event], memory))
    return {table.name: memory.tables.get(table.name, {}) for each in PROJECTIONS for table in each.tables}


def stored(pool: Pool, schema: str = "read_schema") -> Tables:
    """The rows that the workers have written."""
    tables: Tables = {}
    with pool.cursor() as cursor:
        for table in (table for projection in PROJECTIONS for table in projection.tables):
            cursor.execute(f"SELECT {', '.join(table.columns)} FROM {schema}.{table.name}")
            rows = [dict(zip(table.columns, row, strict=True)) for row in cursor.fetchall()]
            tables[table.name] = {table.key_of(row): row for row in rows}
    return tables


def checkpoints(pool: Pool) -> dict[str, dict[int, int]]:
    """How far each projection is on the shards where it has begun."""
    found: dict[str, dict[int, int]] = {projection.name: {} for projection in PROJECTIONS}
    with pool.cursor() as cursor:
        cursor.execute("SELECT projection, shard, position FROM read_schema.projection_checkpoints WHERE position > 0")
        for name, shard, position in cursor.fetchall():
            found[name][shard] = position
    return found


def assert_read_models_are_the_fold(database_url: str, empty: Collection[str] = ()) -> Tables:
    """Every row equals what its events give, and every checkpoint is at its shard's head. Returns the rows.

    Only the tables *empty* may have no rows.
    """
    pool = Pool(database_url, settings=SESSION)
    store = PostgresEventStore(Pool(database_url))
    try:
        heads = store.heads()
        assert checkpoints(pool) == {projection.name: heads for projection in PROJECTIONS}
        expected, actual = folded(store), stored(pool)
        for name, rows in expected.items():
            assert rows or name in empty, f"{name} has no rows, so there is nothing to compare"
            assert actual[name] == rows, f"{name} differs"
        return actual
    finally:
        pool.close()
        store._pool.close()
