"""How rows differ from what they should be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from domain.read.tables import Key, Row, RowTable
from domain.read.verify.refold import Tables


class Difference(NamedTuple):
    """A row that is ``missing``, ``extra`` (no event accounts for it) or ``changed`` in some *columns*."""

    table: RowTable
    key: Key
    kind: Literal["missing", "extra", "changed"]
    columns: tuple[str, ...]
    expected: Row | None

    @property
    def aggregate_id(self) -> str:
        """Whose row it is."""
        return str(self.key[min(1, len(self.key) - 1)])

    def as_json(self) -> dict[str, Any]:
        """Return what may be shown and logged: which columns, and not what is in them."""
        return {
            "table": str(self.table.name),
            "key": dict(zip(self.table.key, self.key, strict=True)),
            "kind": self.kind,
            "columns": list(self.columns),
        }


def differences(expected: Tables, actual: Tables) -> Iterator[Difference]:
    """Yield how *actual* differs from what is *expected*, in the columns that the expected rows have."""
    for table, rows in expected.items():
        found = actual[table]
        for key, row in rows.items():
            if key not in found:
                yield Difference(table, key, "missing", (), row)
            elif found[key] != row and (columns := _changed(row, found[key])):
                yield Difference(table, key, "changed", columns, row)
        for key in found.keys() - rows.keys():
            yield Difference(table, key, "extra", (), None)


def _changed(expected: Row, actual: Row) -> tuple[str, ...]:
    return tuple(column for column, value in expected.items() if actual[column] != value)
