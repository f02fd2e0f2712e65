"""A migration runs while the release before it serves, so it takes nothing away and keeps nobody waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from typing import NamedTuple
from uuid import uuid4

import psycopg2
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from domain.postgres.pool import Pool
from domain.write.event_store import Snapshot
from domain.write.postgres_store import PostgresEventStore
from migrations.runner import Side, config
from tests.integration.write.appends import answer, append, registered, tenant_created
from tests.stopwatch import Stopwatch

#: Those that were made before there was any release.
EARLY = {("write", "0002"), ("read", "0002")}


class Catalogue(NamedTuple):
    """What the statements of a release rest on. Names of columns, indexes and so on begin with their table's."""

    tables: set[str]
    #: With their types.
    columns: set[str]
    #: Those that a statement has to give a value.
    demanding: set[str]
    #: What may refuse a row, or hide one.
    refusing: set[str]
    functions: set[str]


_TABLES = "relnamespace = %(schema)s::regnamespace AND relkind IN ('r', 'p')"
_COLUMNS = f"pg_attribute JOIN pg_class t ON t.oid = attrelid WHERE {_TABLES} AND attnum > 0 AND NOT attisdropped"

_QUERIES = {
    "tables": f"SELECT relname FROM pg_class WHERE {_TABLES}",
    "columns": f"SELECT relname || '.' || attname || ' ' || format_type(atttypid, atttypmod) FROM {_COLUMNS}",
    "demanding": f"SELECT relname || '.' || attname FROM {_COLUMNS} "
    "AND attnotnull AND NOT atthasdef AND attidentity = ''",
    "refusing": f"""
        SELECT relname || '.' || indexrelid::regclass || ' is unique' FROM pg_index
        JOIN pg_class t ON t.oid = indrelid WHERE {_TABLES} AND indisunique
        UNION ALL SELECT relname || '.' || conname || ' checks' FROM pg_constraint
        JOIN pg_class t ON t.oid = conrelid WHERE {_TABLES} AND contype IN ('c', 'f', 'x')
        UNION ALL SELECT relname || '.' || tgname || ' is called' FROM pg_trigger
        JOIN pg_class t ON t.oid = tgrelid WHERE {_TABLES} AND NOT tgisinternal
        UNION ALL SELECT relname || '.row security hides' FROM pg_class WHERE {_TABLES} AND relrowsecurity
    """,
    "functions": "SELECT proname || '(' || pg_get_function_identity_arguments(oid) || ') → ' || "
    "pg_get_function_result(oid) FROM pg_proc WHERE pronamespace = %(schema)s::regnamespace",
}


def catalogue(connection: Connection, side: Side) -> Catalogue:
    found = {}
    with connection, connection.cursor() as cursor:
        for name, query in _QUERIES.items():
            cursor.execute(query, {"schema": f"{side}_schema"})
            found[name] = {row[0] for row in cursor.fetchall()}
    return Catalogue(**found)


def broken(before: Catalogue, after: Catalogue) -> set[str]:
    """Return what of *after* a release would stumble over that was made for *before*."""
    gone = (before.tables - after.tables) | (before.columns - after.columns) | (before.functions - after.functions)
    more = (after.demanding - before.demanding) | (after.refusing - before.refusing)
    # Of a new table the release before knows nothing.
    return gone | {each for each in more if each.partition(".")[0] in before.tables}


@pytest.mark.parametrize("side", ["write", "read"])
def test_each_migration_leaves_what_the_release_before_it_rests_on(empty_database_url: str, side: Side) -> None:
    migrations = config(side, empty_database_url)
    revisions = [each.revision for each in ScriptDirectory.from_config(migrations).walk_revisions()][::-1]
    assert len(revisions) > 1
    with closing(psycopg2.connect(empty_database_url)) as connection:
        command.upgrade(migrations, revisions[0])
        before = catalogue(connection, side)
        for revision in revisions[1:]:
            command.upgrade(migrations, revision)
            after = catalogue(connection, side)

            # These two show that what breaks a release would be seen.
            assert bool(broken(before, after)) == ((side, revision) in EARLY), (revision, broken(before, after))
            before = after


def test_a_migration_that_waits_for_a_lock_lets_others_pass(empty_database_url: str) -> None:
    # Given a transaction that keeps a table for long
    migrations = config("read", empty_database_url)
    command.upgrade(migrations, "0001")
    looking = "SELECT count(*) FROM read_schema.projection_checkpoints"
    with closing(psycopg2.connect(empty_database_url)) as long, closing(psycopg2.connect(empty_database_url)) as other:
        long.cursor().execute(looking)
        # When a migration wants to change the table
        migrating = threading.Thread(target=command.upgrade, args=(migrations, "0002"))
        migrating.start()

        # Then whoever comes behind it waits no longer than the migration does
        other.autocommit = True
        with other.cursor() as cursor:
            cursor.execute("SET statement_timeout = '10s'")
            until = time.monotonic() + 3
            while time.monotonic() < until:
                with Stopwatch() as watch:
                    cursor.execute(looking)
                assert watch.seconds < 2
                time.sleep(0.01)
        assert migrating.is_alive()

        # And it comes about when the table is free
        long.rollback()
        migrating.join(30)
        assert not migrating.is_alive()
        with other.cursor() as cursor:
            cursor.execute("SELECT parked FROM read_schema.projection_checkpoints")


@pytest.mark.parametrize(
    "table", ["shards", "domain_events", "reservations", "tenant_usage", "idempotency_keys", "snapshots"]
)
def test_a_table_gets_a_column_in_the_midst_of_a_command(database_url: str, table: str) -> None:
    # Given a session that has sent each statement of a command before
    with closing(Pool(database_url, size=1)) as pool, closing(psycopg2.connect(database_url)) as migrating:
        store, tenant = PostgresEventStore(pool), str(uuid4())
        store.append(append(tenant, tenant_created(tenant)))
        user = registered(tenant)
        store.append(append(tenant, user))
        id = user.aggregate_id
        store.save_snapshot(tenant, id, Snapshot(1, 2, 1, {"n": 1}))
        versions = count(2)

        def save_snapshot() -> None:
            store.save_snapshot(tenant, id, Snapshot(next(versions), 2, 1, {"n": 1}))

        def check_history() -> None:
            snapshot, events = store.histories(tenant, {id: 1})[id]
            assert snapshot is not None
            assert [event.version for event in (*events, *store.histories(tenant, {id: 2})[id].events)] == [1]

        statements: list[Callable[[], object]] = [
            check_history,
            lambda: store.append(append(tenant, registered(tenant), idempotency=[answer(str(uuid4()), ordinal=1)])),
            lambda: store.answered(tenant, ["a"]),
            save_snapshot,
        ]
        for statement in statements:
            statement()
        for number, statement in enumerate(statements):
            # When a later release's migration has the table, and each waits for it in its midst
            with migrating, migrating.cursor() as cursor, ThreadPoolExecutor() as executor:
                cursor.execute(f"ALTER TABLE write_schema.{table} ADD COLUMN next_{number} text DEFAULT 'none'")
                done = executor.submit(statement)
                while not done.done() and not _waits(cursor):
                    time.sleep(0.001)
                migrating.commit()

                # Then it is done as ever
                done.result(10)


def _waits(cursor: Cursor) -> bool:
    cursor.execute("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    return bool(cursor.rowcount)
