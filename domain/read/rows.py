"""The rows that a batch of events touches, in memory, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from domain.read.tables import Key, Row, RowTable


class RowNotLoaded(LookupError):
    """A fold asked for a row that its projection doesn't declare as touched by the event."""


class RowMissing(LookupError):
    """An event changes a row that isn't there."""


class RowStore(Protocol):
    """Where rows are loaded from and written to."""

    def load(self, table: RowTable, keys: Iterable[Key]) -> Iterable[Row]:
        """Return the rows of *table* whose key is, or begins with, one of *keys*."""

    def write(self, rows: Rows) -> None:
        """Write what changed and delete what was removed."""


class Rows:
    """Rows by table and key. Only what was loaded can be read, so a forgotten key is an error, never a lost row."""

    def __init__(self) -> None:
        self._tables: dict[RowTable, _Loaded] = {}

    def __len__(self) -> int:
        return sum(len(loaded.rows) for loaded in self._tables.values())

    def load(self, store: RowStore, wanted: Mapping[RowTable, Iterable[Key]]) -> None:
        """Load the rows of those of the *wanted* keys and key prefixes that were not loaded yet, table by table."""
        for table, keys in wanted.items():
            loaded = self._tables.setdefault(table, _Loaded())
            new = [key for key in keys if not loaded.covers(key)]
            for row in store.load(table, new):
                key = table.key_of(row)
                # A prefix may bring rows that are here already, and have been changed or removed since.
                if key not in loaded.removed:
                    loaded.rows.setdefault(key, row)
            loaded.asked.update(new)

    def get(self, table: RowTable, key: Key) -> Row | None:
        """Return the row, not to be changed, or None where there is none."""
        loaded = self._tables[table]
        row = loaded.rows.get(key)
        if row is None and not loaded.covers(key):
            raise RowNotLoaded(table.name, key)
        return row

    def change(self, table: RowTable, key: Key) -> Row:
        """Return the row to be changed in place. Raises RowMissing."""
        row = self.get(table, key)
        if row is None:
            raise RowMissing(table.name, key)
        self._tables[table].changed.add(key)
        return row

    def put(self, table: RowTable, row: Row) -> Row:
        """Add *row*, or replace the one with its key; it may be changed in place from then on."""
        key = table.key_of(row)
        self.get(table, key)
        loaded = self._tables[table]
        loaded.rows[key] = row
        loaded.changed.add(key)
        loaded.removed.discard(key)
        return row

    def remove(self, table: RowTable, key: Key) -> None:
        """Take the row away. Raises RowMissing."""
        self.change(table, key)
        loaded = self._tables[table]
        del loaded.rows[key]
        loaded.changed.discard(key)
        loaded.removed.add(key)

    def remove_all(self, table: RowTable, prefix: Key) -> None:
        """Take away all rows whose key begins with *prefix*, which must have been loaded."""
        loaded = self._tables[table]
        if not loaded.covers(prefix):
            raise RowNotLoaded(table.name, prefix)
        for key in [key for key in loaded.rows if key[: len(prefix)] == prefix]:
            self.remove(table, key)

    def changed(self) -> dict[RowTable, list[Row]]:
        """Return the rows to be written, by table."""
        return {
            table: [loaded.rows[key] for key in loaded.changed]
            for table, loaded in self._tables.items()
            if loaded.changed
        }

    def removed(self) -> dict[RowTable, list[Key]]:
        """Return the keys of the rows to be deleted, by table."""
        return {table: list(loaded.removed) for table, loaded in self._tables.items() if loaded.removed}


class _Loaded:
    """The rows of one table."""

    __slots__ = ("asked", "changed", "removed", "rows")

    def __init__(self) -> None:
        self.rows: dict[Key, Row] = {}
        self.asked: set[Key] = set()
        self.changed: set[Key] = set()
        self.removed: set[Key] = set()

    def covers(self, key: Key) -> bool:
        return key in self.asked or any(key[:length] in self.asked for length in range(1, len(key)))
