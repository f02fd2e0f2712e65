"""The walls between tenants, where the SQL of a query is wrong or missing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest

from domain.postgres.pool import Pool
from domain.read import schema
from domain.read.queries import Queries
from tests.integration.read.conftest import Pools
from tests.story import Story

ISOLATED = sorted(table.name for table in schema.metadata.sorted_tables if "tenant_id" in table.columns)

#: A row in each table that only a failure fills.
_FAILURES = """
    INSERT INTO read_schema.parked_aggregates
        (tenant_id, projection, aggregate_id, shard, from_position, attempts, error_class, error_text, parked_at,
         aggregate_type, event_type, version, error_trace, last_attempt_at)
    VALUES (%(tenant)s, 'users', %(tenant)s, 0, 1, 1, '', '', now(), 'user', 'user.registered', 1, '', now());
    INSERT INTO read_schema.skipped_events
        (tenant_id, projection, aggregate_id, version, shard, position, event_type, reason, skipped_by, skipped_at,
         error_class, error_text)
    VALUES (%(tenant)s, 'users', %(tenant)s, 1, 0, 1, 'user.registered', '', '', now(), '', '');
    INSERT INTO read_schema.rewritten_aggregates (tenant_id, projection, aggregate_id, shard, from_version, since)
    VALUES (%(tenant)s, 'users', %(tenant)s, 0, 1, now());
"""


@pytest.fixture
def two_tenants(story: Story, projected: Callable[[], None], engine_pool: Pool) -> tuple[str, str]:
    """Two tenants that have a row in every table."""
    tenants = (story.tenant("One"), story.tenant("Two"))
    for tenant in tenants:
        story.workspace(tenant, story.user(tenant))
    projected()
    with engine_pool.cursor() as cursor:
        for tenant in tenants:
            cursor.execute(_FAILURES, {"tenant": tenant})
    return tenants


def tenants_seen(pool: Pool, table: str, tenant: str | None = None) -> set[str]:
    with pool.cursor() as cursor:
        chosen = f"SELECT set_config('app.tenant_id', '{tenant}', true);" if tenant else ""
        cursor.execute(f"{chosen} SELECT DISTINCT tenant_id FROM read_schema.{table}")
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.parametrize("table", ISOLATED)
def test_a_session_sees_the_tenant_it_names_and_no_other(
    query_pool: Pool, two_tenants: tuple[str, str], table: str
) -> None:
    for tenant in two_tenants:
        assert tenants_seen(query_pool, table, tenant) == {tenant}


@pytest.mark.parametrize("table", ISOLATED)
def test_a_session_that_names_no_tenant_sees_nothing(
    query_pool: Pool, two_tenants: tuple[str, str], table: str
) -> None:
    assert tenants_seen(query_pool, table) == set()


@pytest.mark.parametrize("table", ISOLATED)
def test_the_engine_sees_all(engine_pool: Pool, two_tenants: tuple[str, str], table: str) -> None:
    assert tenants_seen(engine_pool, table) == set(two_tenants)


def test_a_query_leaves_no_tenant_behind_in_its_session(query_pool: Pool, two_tenants: tuple[str, str]) -> None:
    one, _ = two_tenants

    assert Queries(query_pool).read("tenant_summary", one).body

    assert tenants_seen(query_pool, "tenant_summary_projections") == set()


@pytest.mark.parametrize("table", ISOLATED)
def test_a_session_can_write_no_other_tenants_rows(pool: Pools, two_tenants: tuple[str, str], table: str) -> None:
    one, two = two_tenants
    with pool({}).transaction() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', %s, true)", (one,))
        cursor.execute(f"UPDATE read_schema.{table} SET tenant_id = tenant_id WHERE tenant_id = %s", (two,))
        updated = cursor.rowcount
        cursor.execute(f"DELETE FROM read_schema.{table} WHERE tenant_id = %s", (two,))
        deleted = cursor.rowcount

    assert (updated, deleted) == (0, 0)


def test_the_sessions_of_queries_can_not_write(query_pool: Pool, two_tenants: tuple[str, str]) -> None:
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction), query_pool.cursor() as cursor:
        cursor.execute("DELETE FROM read_schema.user_projections")


def test_every_table_with_tenants_is_isolated_and_its_owner_too(database_url: str) -> None:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
            "WHERE relnamespace = 'read_schema'::regnamespace AND relkind = 'r' AND attname = 'tenant_id' "
            "AND relrowsecurity AND relforcerowsecurity"
        )
        assert sorted(row[0] for row in cursor.fetchall()) == ISOLATED


def test_every_key_begins_with_the_tenant_so_that_tables_can_be_distributed(database_url: str) -> None:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT indrelid::regclass::text, attname FROM pg_index "
            "JOIN pg_class ON pg_class.oid = indrelid "
            "JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] "
            "WHERE relnamespace = 'read_schema'::regnamespace AND indisunique AND relname <> 'alembic_version'"
        )
        keys = [(table.removeprefix("read_schema."), column) for table, column in cursor.fetchall()]

    assert {(table, column) for table, column in keys if table in ISOLATED} == {
        (table, "tenant_id") for table in ISOLATED
    }
