"""Making tables like those that there are, in another schema.

All is read from PostgreSQL's catalogue, so that what a migration adds to a table reaches its copies. Names are kept:
indexes and constraints have to be the ones that migrations know, whichever tables are the live ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from domain.postgres.statements import statements

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

#: The schema with the tables that are read.
LIVE = "read_schema"

_SQL = statements("domain.read.rebuild.sql")


def rebuild_schema(projection: str) -> str:
    """Return the schema in which *projection* is rebuilt."""
    return f"{LIVE}_rebuild_{projection}"


def kept_schema(projection: str) -> str:
    """Return the schema with the tables that the last rebuild of *projection* replaced."""
    return f"{LIVE}_kept_{projection}"


def exists(cursor: cursor, schema: str) -> bool:
    """Whether there is such a schema."""
    cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", (schema,))
    row = cursor.fetchone()
    return row is not None and bool(row[0])


def make_schema(cursor: cursor, schema: str) -> None:
    """Make *schema* empty, whatever was in it."""
    drop_schema(cursor, schema)
    cursor.execute(f"CREATE SCHEMA {schema}")


def drop_schema(cursor: cursor, schema: str) -> None:
    cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def copy_table(cursor: cursor, table: str, schema: str) -> None:
    """Make *table* in *schema* like the live one, empty and without the indexes that no key needs."""
    _run(cursor, "copy_table", schema, table)


def copy_indexes(cursor: cursor, table: str, schema: str) -> None:
    """Give *table* in *schema* the live one's other indexes, and the statistics that the planner needs."""
    _run(cursor, "copy_indexes", schema, table)
    cursor.execute(f"ANALYZE {schema}.{table}")


def shape(cursor: cursor, tables: Iterable[str], schema: str) -> list[Any]:
    """Return all that could tell *tables* in *schema* from those in another one, besides their rows."""
    cursor.execute(_SQL["shape"], {"schema": schema, "tables": list(tables)})
    return cursor.fetchall()


def _run(cursor: cursor, statement: str, schema: str, table: str) -> None:
    """Run all that the statement of that name gives."""
    cursor.execute(_SQL[statement], {"live": LIVE, "schema": schema, "table": table})
    for (command,) in cursor.fetchall():
        cursor.execute(command)
