"""Rows kept in memory: for tests, and for refolding events to compare the result with the tables."""

from __future__ import annotations

from collections.abc import Iterable

from domain.read.rows import Rows
from domain.read.tables import Key, Row, RowTable


class MemoryRowStore:
    """RowStore in a dict of table names, each a dict of rows by key."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Key, Row]] = {}

    def load(self, table: RowTable, keys: Iterable[Key]) -> list[Row]:
        rows = self.tables.get(table.name, {})
        found: dict[Key, Row] = {}
        for key in keys:
            if len(key) == len(table.key):
                if key in rows:
                    found[key] = rows[key]
            else:
                found.update((each, row) for each, row in rows.items() if each[: len(key)] == key)
        # A shallow copy is enough: a fold replaces the values in a row and never changes them in place.
        return [dict(row) for row in found.values()]

    def write(self, rows: Rows) -> None:
        for table, keys in rows.removed().items():
            for key in keys:
                self.tables.get(table.name, {}).pop(key, None)
        for table, changed in rows.changed().items():
            kept = self.tables.setdefault(table.name, {})
            kept.update((table.key_of(row), {column: row.get(column) for column in table.columns}) for row in changed)
