"""Databases for the tests: one for each, clean, and cheap."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

#: What the schema of a database is, which tables of it have been used, and which of those refuse to be emptied.
_SCHEMA, _USED, _GUARDED = (Path(__file__).parent / "databases.sql").read_text().split(";\n")[:3]


_END = sql.SQL("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}")


class Databases:
    """Makes databases on one server, and none twice that can be used again.

    Copying a database costs a fifth of a second of a core, emptying one that a test has filled a tenth of that. So a
    database whose schema is as it was is emptied and goes to the next test, under another name: whoever still knows the
    old one finds nothing there.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._template: str | None = None
        self._schema = ""
        #: The rows that migrations made, by table, as COPY has them.
        self._rows: dict[str, str] = {}
        self._free: list[str] = []
        self._connection: Connection | None = None

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """Give the URL of a database of the caller's own with the schema in it, and end all connections afterwards."""
        name = self._taken() if self._free else self._create(self._made_template())
        try:
            yield self._url(name)
        finally:
            try:
                self._empty(name)
            except (psycopg2.Error, _Changed):
                self._drop(name)
            else:
                self._free.append(name)

    @contextmanager
    def empty(self) -> Iterator[str]:
        """Give the URL of a new database with nothing in it, and drop it afterwards, connections or not."""
        name = self._create("template1")
        try:
            yield self._url(name)
        finally:
            self._drop(name)

    def close(self) -> None:
        for name in [*self._free, *([self._template] if self._template else [])]:
            self._drop(name)
        if self._connection is not None:
            self._connection.close()

    def _made_template(self) -> str:
        if self._template is None:
            self._template = self._create("template1")
            migrate(self._url(self._template))
            with self._cursor(self._template) as cursor:
                self._schema = _schema_of(cursor)
                self._rows = {table: _rows_of(cursor, table) for table in _used_tables(cursor)}
        return self._template

    def _taken(self) -> str:
        name, old = f"test_{uuid.uuid4().hex}", self._free.pop()
        # One who has just left it is there a moment longer, and would be waited for in steps of a tenth of a second.
        while self._used(old):
            time.sleep(0.001)
        self._execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(name)))
        return name

    def _empty(self, name: str) -> None:
        """Bring the database back to how it was made. Raises _Changed if that takes more than emptying tables."""
        self._execute(_END.format(sql.Literal(name)))
        with self._cursor(name) as cursor:
            if _schema_of(cursor) != self._schema:
                raise _Changed
            if used := _used_tables(cursor):
                cursor.execute(_GUARDED)
                guarded = [table for (table,) in cursor.fetchall() if table in used]
                off, on = (
                    "".join(f"ALTER TABLE {table} {word} TRIGGER USER;" for table in guarded)
                    for word in ("DISABLE", "ENABLE")
                )
                cursor.execute(f"BEGIN; {off} TRUNCATE {', '.join(used)} RESTART IDENTITY; {on}")
                for table in set(used) & set(self._rows):
                    cursor.copy_expert(f"COPY {table} FROM STDIN", StringIO(self._rows[table]))
                cursor.execute("COMMIT")

    def _create(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def _drop(self, name: str) -> None:
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _url(self, name: str) -> str:
        return urlunsplit(urlsplit(self._server)._replace(path=f"/{name}"))

    @contextmanager
    def _cursor(self, database: str) -> Iterator[Cursor]:
        with closing(psycopg2.connect(self._url(database))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SET app.engine = 'on'; SET lock_timeout = '5s'")
                yield cursor

    def _used(self, name: str) -> bool:
        return bool(self._execute(sql.SQL("SELECT FROM pg_stat_activity WHERE datname = {}").format(sql.Literal(name))))

    def _execute(self, statement: sql.Composed) -> int:
        """Return how many rows it gave."""
        if self._connection is None:
            self._connection = psycopg2.connect(self._server)
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.rowcount


class _Changed(Exception):
    """The schema is not as it was."""


def _schema_of(cursor: Cursor) -> str:
    cursor.execute(_SCHEMA)
    ((found,),) = cursor.fetchall()
    return str(found)


def _used_tables(cursor: Cursor) -> list[str]:
    cursor.execute(_USED)
    found: list[tuple[Any, ...]] = cursor.fetchall()
    if any(analysed for _, analysed in found):
        # The planner would go on to believe what it learnt of rows that are gone.
        raise _Changed
    return [table for table, _ in found]


def _rows_of(cursor: Cursor, table: str) -> str:
    rows = StringIO()
    cursor.copy_expert(f"COPY (SELECT * FROM {table}) TO STDOUT", rows)
    return rows.getvalue()


def migrate(url: str) -> None:
    """Run the migrations of both schemas on the database at *url*, as a deployment would."""
    if find_spec("migrations.__main__") is None:
        return
    environment = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
    done = subprocess.run(
        [sys.executable, "-m", "migrations", "upgrade"],
        env=environment | {"DATABASE_URL": url},
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"The migrations failed:\n{done.stdout}{done.stderr}")
