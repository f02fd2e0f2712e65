"""Rows in PostgreSQL, loaded and written in bulk."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from psycopg2.errors import InvalidSqlStatementName

from domain.postgres.prepared import Prepared, forget, planned
from domain.read.rows import Rows
from domain.read.tables import Key, Row, RowTable

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

#: A statement and its parameters, to be sent together with others.
Statement = tuple[str | Prepared, tuple[Any, ...]]


class PostgresRowStore:
    """RowStore on the tables of *schema*, within the transaction of *cursor*. One query a table, both ways."""

    def __init__(self, cursor: cursor, schema: str) -> None:
        self._cursor = cursor
        self._schema = schema

    def load(self, table: RowTable, keys: Iterable[Key]) -> list[Row]:
        by_length: dict[int, list[Key]] = {}
        for key in keys:
            by_length.setdefault(len(key), []).append(key)
        if not by_length:
            return []
        load = _load(table, self._schema, tuple(by_length))
        execute(self._cursor, [(load, tuple(_json_keys(table, group) for group in by_length.values()))])
        return [dict(zip(table.columns, row, strict=True)) for row in self._cursor.fetchall()]

    def write(self, rows: Rows) -> None:
        execute(self._cursor, self.statements(rows))

    def statements(self, rows: Rows) -> list[Statement]:
        """Return what writes *rows*: one upsert for each table that needs it, and a delete for rows of alike keys."""
        deletes = [
            (_delete(table, self._schema), (*first, lasts))
            for table, keys in rows.removed().items()
            for first, lasts in _grouped(keys)
        ]
        upserts = [(_upsert(table, self._schema), (_json(changed),)) for table, changed in rows.changed().items()]
        return [*deletes, *upserts]


def execute(cursor: cursor, statements: list[Statement]) -> None:
    """Send all *statements* in one round trip. The session plans those that are Prepared once."""
    for sql, _ in statements:
        if isinstance(sql, Prepared):
            sql.prepare(cursor)
    texts = [sql.running if isinstance(sql, Prepared) else sql for sql, _ in statements]
    if texts:
        try:
            cursor.execute(";\n".join(texts), [value for _, values in statements for value in values])
        except InvalidSqlStatementName:
            forget(cursor)
            raise


def _keys(table: RowTable, length: int) -> str:
    columns = zip(table.key[:length], table.key_types, strict=False)
    return f"json_to_recordset(%s) AS k({', '.join(f'{name} {type_}' for name, type_ in columns)})"


@cache
def _load(table: RowTable, schema: str, lengths: tuple[int, ...]) -> Prepared:
    return planned(" UNION ALL ".join(_lookup(table, schema, length) for length in lengths))


def _lookup(table: RowTable, schema: str, length: int) -> str:
    columns = ", ".join(table.columns)
    # A statement that is kept may not give other types than it did at first.
    typed = ", ".join(f"t.{column}::{type_}" for column, type_ in zip(table.columns, table.types, strict=True))
    same = " AND ".join(f"t.{column} = k.{column}" for column in table.key[:length])
    # OFFSET 0 keeps it a lookup for each key. Row-level security hides from the planner how many rows there are, and
    # where it takes them for a few, it reads all.
    return (
        f"SELECT {typed} FROM {_keys(table, length)} CROSS JOIN LATERAL "  # noqa: S608
        f"(SELECT {columns} FROM {schema}.{table.name} t WHERE {same} OFFSET 0) t"
    )


@cache
def _delete(table: RowTable, schema: str) -> Prepared:
    # A join with the keys, planned while the table was empty, would go on to read all of it.
    *firsts, (last, kind) = zip(table.key, table.key_types, strict=True)
    alike = [*(f"{column} = %s::{type_}" for column, type_ in firsts), f"{last} = ANY(%s::{kind}[])"]
    return planned(f"DELETE FROM {schema}.{table.name} WHERE {' AND '.join(alike)}")  # noqa: S608


def _grouped(keys: Iterable[Key]) -> Iterable[tuple[Key, list[Any]]]:
    """Return what *keys* have in common but their last values, each with these."""
    groups: dict[Key, list[Any]] = {}
    for *first, last in keys:
        groups.setdefault(tuple(first), []).append(last)
    return groups.items()


@cache
def _upsert(table: RowTable, schema: str) -> Prepared:
    columns = ", ".join(table.columns)
    updates = ", ".join(f"{column} = excluded.{column}" for column in table.columns if column not in table.key)
    return planned(
        f"INSERT INTO {schema}.{table.name} ({columns}) "  # noqa: S608
        f"SELECT {columns} FROM json_populate_recordset(NULL::{schema}.{table.name}, %s) "
        f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {updates}"
    )


def _json_keys(table: RowTable, keys: list[Key]) -> str:
    return _json([dict(zip(table.key, key, strict=False)) for key in keys])


def _json(rows: list[Row]) -> str:
    try:
        return orjson.dumps(rows).decode()
    except orjson.JSONEncodeError:
        # A jsonb number such as 1e30 comes back from PostgreSQL as an int of more than 64 bits.
        return json.dumps(rows, default=datetime.isoformat, ensure_ascii=False)
