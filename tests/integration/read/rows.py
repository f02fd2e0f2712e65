"""All rows, as the engine wrote them and as a plain fold gives them."""

from __future__ import annotations

from typing import Any

from domain.postgres.pool import Pool
from domain.read.fold import fold
from domain.read.memory_rows import MemoryRowStore
from domain.read.projections import PROJECTIONS
from domain.read.tables import Row
from tests.story import Story


def rows_in(pool: Pool) -> dict[str, dict[tuple[Any, ...], Row]]:
    """Return all rows of all projections by table and key, as a MemoryRowStore has them."""
    found: dict[str, dict[tuple[Any, ...], Row]] = {}
    with pool.cursor() as cursor:
        for table in (table for projection in PROJECTIONS for table in projection.tables):
            cursor.execute(f"SELECT {', '.join(table.columns)} FROM read_schema.{table.name}")
            rows = [dict(zip(table.columns, row, strict=True)) for row in cursor.fetchall()]
            found[table.name] = {table.key_of(row): row for row in rows}
    return found


def folded_in_memory(story: Story) -> dict[str, dict[tuple[Any, ...], Row]]:
    """Return the rows that folding the whole story gives, one event at a time."""
    store = MemoryRowStore()
    for projection in PROJECTIONS:
        for table in projection.tables:
            store.tables[table.name] = {}
        for shard in story.heads():
            for event in story.events[shard]:
                store.write(fold(projection, [event], store))
    return store.tables
