"""Putting other tables in the place of the live ones, in one transaction that no reader notices.

Readers name the live tables, and PostgreSQL looks a name up again after it has waited for a lock. So a query sees the
old tables with the old checkpoints, or the new ones with the new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.read.projection import Projection
from domain.read.rebuild import bookkeeping, ddl
from domain.read.rebuild.ddl import LIVE
from domain.read.rebuild.errors import NothingKept, ShapeChanged

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

#: What is given up after less than PostgreSQL takes to look for deadlocks, so that a query never is its victim.
_TABLES_TIMEOUT = "250ms"


def hold(cursor: cursor, projection: Projection) -> dict[int, int]:
    """Let nobody fold into the live tables of *projection* until the transaction ends; return the live positions."""
    bookkeeping.open_checkpoints(cursor, projection.name, LIVE)
    return bookkeeping.lock_checkpoints(cursor, projection.name, LIVE)


def swap(cursor: cursor, projection: Projection) -> None:
    """Make the rebuilt tables the live ones and keep these, while hold() holds. Raises ShapeChanged.

    Raises psycopg2.errors.LockNotAvailable where a query takes long: then nothing has happened, to be tried again.
    """
    new, kept = ddl.rebuild_schema(projection.name), ddl.kept_schema(projection.name)
    tables = [table.name for table in projection.tables]
    if ddl.shape(cursor, tables, new) != ddl.shape(cursor, tables, LIVE):
        raise ShapeChanged(projection=projection.name, schema=new)
    ddl.make_schema(cursor, kept)
    bookkeeping.make(cursor, projection.name, kept)
    cursor.execute(f"SET LOCAL lock_timeout = '{_TABLES_TIMEOUT}'")
    cursor.execute(f"LOCK TABLE {', '.join(f'{LIVE}.{table}' for table in tables)} IN ACCESS EXCLUSIVE MODE")
    for table in tables:
        cursor.execute(f"ALTER TABLE {LIVE}.{table} SET SCHEMA {kept}; ALTER TABLE {new}.{table} SET SCHEMA {LIVE}")
    bookkeeping.swap(cursor, projection.name, new, kept)
    ddl.drop_schema(cursor, new)


def go_back(cursor: cursor, projection: Projection) -> None:
    """Put the tables that the last swap() has kept in the place of the live ones, and keep these. No rebuild runs.

    Raises NothingKept and what swap() raises.
    """
    new, kept = ddl.rebuild_schema(projection.name), ddl.kept_schema(projection.name)
    if not ddl.exists(cursor, kept):
        raise NothingKept(projection=projection.name)
    hold(cursor, projection)
    # From here on the kept tables are treated as if they had just been rebuilt.
    cursor.execute(f"ALTER SCHEMA {kept} RENAME TO {new}")
    tables = bookkeeping.TABLES
    if ddl.shape(cursor, tables, new) != ddl.shape(cursor, tables, LIVE):
        raise ShapeChanged(projection=projection.name, schema=kept)
    swap(cursor, projection)
