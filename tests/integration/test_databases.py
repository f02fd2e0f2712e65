"""The databases that tests get, some of which another test has used before."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from tests.servers import Databases

_ROW = (
    "INSERT INTO write_schema.domain_events SELECT 0, 1, gen_random_uuid(), gen_random_uuid(), 'user', "
    "gen_random_uuid(), 1, 'user.registered', 1, now(), '{}', '{}'"
)


def execute(url: str, *statements: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("SET app.engine = 'on'")
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def what_is_there(url: str) -> list[tuple[object, ...]]:
    return execute(
        url,
        "SELECT count(*), sum(head), to_regclass('read_schema.new'), "
        "(SELECT count(*) FROM write_schema.domain_events), "
        "(SELECT tgenabled FROM pg_trigger WHERE tgname = 'append_only'), "
        "(SELECT count(*) FROM pg_stats WHERE tablename = 'shards'), "
        "(SELECT version_num FROM read_schema.alembic_version) FROM write_schema.shards",
    )


@pytest.mark.parametrize(
    "change",
    [
        _ROW,
        "UPDATE write_schema.shards SET head = 5",
        "DELETE FROM write_schema.shards",
        "UPDATE read_schema.alembic_version SET version_num = '0001'",
        "CREATE TABLE read_schema.new (id integer)",
        "ALTER TABLE write_schema.domain_events DISABLE TRIGGER append_only",
        "ANALYZE write_schema.shards",
    ],
)
def test_whatever_a_test_changes_the_next_one_does_not_see(databases: Databases, change: str) -> None:
    with databases.migrated() as url:
        pristine = what_is_there(url)
        execute(url, change)

    with databases.migrated() as next_url:
        assert what_is_there(next_url) == pristine


def test_an_emptied_database_is_used_again_and_its_old_name_leads_nowhere(databases: Databases) -> None:
    def oid(url: str) -> object:
        return execute(url, "SELECT oid FROM pg_database WHERE datname = current_database()")

    with databases.migrated() as url:
        execute(url, _ROW)
        first, left = oid(url), psycopg2.connect(url)

    with databases.migrated() as next_url:
        assert oid(next_url) == first
        with pytest.raises(psycopg2.OperationalError):
            left.cursor().execute("SELECT 1")
        with pytest.raises(psycopg2.OperationalError, match="does not exist"):
            psycopg2.connect(url)
    left.close()
