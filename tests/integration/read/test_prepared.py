"""A session plans a query once, and is told again what it has forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.postgres.pool import Pool
from domain.read.queries import QUERY_PROJECTIONS, Queries
from tests.story import Story

Ask = Callable[..., Any]


@pytest.fixture
def tenant(story: Story, ask: Ask) -> str:
    tenant = story.tenant()
    story.user(tenant)
    assert ask("tenant_summary", tenant)["total_users"] == 1
    return tenant


def planned(pool: Pool) -> dict[str, int]:
    """Which queries the one session of *pool* has prepared, and how often each has run by a plan for all values."""
    with pool.cursor() as cursor:
        cursor.execute("SELECT name, generic_plans, custom_plans FROM pg_prepared_statements")
        rows = cursor.fetchall()
    assert all(custom == 0 for _, _, custom in rows), rows
    return {name: generic for name, generic, _ in rows}


def test_a_session_plans_each_query_once(query_pool: Pool, tenant: str) -> None:
    queries = Queries(query_pool)
    before = planned(query_pool)["query_tenant_summary"]

    for _ in range(3):
        queries.tenant_summary(tenant)
        queries.dashboard(tenant)

    assert planned(query_pool) == {"query_tenant_summary": before + 3, "query_dashboard": 3}


def test_a_session_that_has_forgotten_is_told_again(query_pool: Pool, tenant: str) -> None:
    # As behind a proxy that lends another session, or after one was cleaned with DISCARD ALL
    with query_pool.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")

    assert Queries(query_pool).tenant_summary(tenant) is not None


def test_a_session_that_knows_already_is_used(query_pool: Pool, tenant: str) -> None:
    # Also as behind a proxy: somebody else has prepared it there
    with query_pool.cursor() as cursor:
        cursor.execute("PREPARE query_dashboard (text[], smallint, uuid, integer) AS SELECT 1::bigint, '{}'::text")

    assert Queries(query_pool).dashboard(tenant) is not None


def test_a_table_that_was_exchanged_is_read_by_its_name(
    query_pool: Pool, engine_pool: Pool, tenant: str, story: Story, database_url: str
) -> None:
    # As when a rebuild is cut over
    queries = Queries(query_pool)
    assert queries.tenant_summary(tenant) is not None
    owner = Pool(database_url)
    with owner.transaction() as cursor:
        cursor.execute(
            "ALTER TABLE read_schema.tenant_summary_projections RENAME TO former; "
            "CREATE TABLE read_schema.tenant_summary_projections (LIKE read_schema.former INCLUDING ALL); "
            "GRANT SELECT ON read_schema.tenant_summary_projections TO public"
        )
    owner.close()

    assert queries.tenant_summary(tenant) is None


def test_nothing_is_planned_by_what_a_small_table_looks_like(query_pool: Pool, tenant: str, database_url: str) -> None:
    # Given tables of which PostgreSQL knows that next to nothing is in them
    owner = Pool(database_url)
    with owner.cursor() as cursor:
        cursor.execute("ANALYZE")
    owner.close()

    # When all queries are first asked
    queries = Queries(query_pool)
    for query in QUERY_PROJECTIONS:
        aggregate = {"user": "user_id", "workspace": "workspace_id", "workspace_members": "workspace_id"}.get(query)
        queries.read(query, tenant, **({aggregate: tenant} if aggregate else {}))

    # Then their plans, which are kept, read by an index
    with query_pool.cursor() as cursor:
        cursor.execute("SELECT name, array_length(parameter_types, 1), parameter_types FROM pg_prepared_statements")
        for name, _, types in cursor.fetchall():
            values = ", ".join("NULL" for _ in types.strip("{}").split(","))
            cursor.execute(f"EXPLAIN EXECUTE {name} ({values})")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan" not in plan, plan
            assert "Bitmap" not in plan, plan
