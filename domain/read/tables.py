"""A table of the read side as a fold sees it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql

#: A row by column name, with the values that psycopg2 gives: ids as text, times as aware datetimes.
Row = dict[str, Any]

#: The values of a table's key columns, in order, or the first of them for all rows that share these.
Key = tuple[Any, ...]

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def _type(column: Column[Any]) -> str:
    return column.type.compile(dialect=_DIALECT).lower()


class RowTable:
    """The name, columns and key of a table, without the schema: a rebuild folds into tables of another one."""

    def __init__(self, table: Table) -> None:
        self.name = table.name
        # Plain text: SQLAlchemy's names are of a subclass, which orjson refuses as a key.
        self.columns: tuple[str, ...] = tuple(str(name) for name in table.columns.keys())  # noqa: SIM118
        #: Their types, by which rows come the same also after somebody has given a column another one.
        self.types: tuple[str, ...] = tuple(_type(column) for column in table.columns)
        self.key: tuple[str, ...] = tuple(str(name) for name in table.primary_key.columns.keys())  # noqa: SIM118
        self.key_types: tuple[str, ...] = tuple(_type(column) for column in table.primary_key.columns)

    def __repr__(self) -> str:
        return f"RowTable({self.name})"

    def key_of(self, row: Row) -> Key:
        """Return the key of *row*."""
        return tuple([row[column] for column in self.key])
