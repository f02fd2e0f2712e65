"""A session plans a query once, and is told again what it has forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from psycopg2.errors import InvalidSqlStatementName

from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.errors import is_transient
from domain.read.projections import PROJECTIONS
from domain.read.queries import QUERY_PROJECTIONS, Queries
from domain.write.postgres_store import PostgresEventStore
from tests.integration.read.conftest import ABOUT
from tests.integration.read.test_invalidation import Heard
from tests.integration.read.test_plans import nodes
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
        queries.read("tenant_summary", tenant)
        queries.read("dashboard", tenant)

    assert planned(query_pool) == {"query_tenant_summary": before + 3, "query_dashboard": 3}


def test_a_session_that_has_forgotten_is_told_again(query_pool: Pool, tenant: str) -> None:
    # As behind a proxy that lends another session, or after one was cleaned with DISCARD ALL
    with query_pool.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")

    assert Queries(query_pool).read("tenant_summary", tenant).body is not None


def test_a_session_that_knows_already_is_used(query_pool: Pool, tenant: str) -> None:
    # Also as behind a proxy: somebody else has prepared it there
    with query_pool.cursor() as cursor:
        cursor.execute("PREPARE query_dashboard (text[], smallint, uuid, integer) AS SELECT 1::bigint, '{}'::text")

    assert Queries(query_pool).read("dashboard", tenant).body is not None


def test_a_table_that_was_exchanged_is_read_by_its_name(
    query_pool: Pool, engine_pool: Pool, tenant: str, story: Story, database_url: str
) -> None:
    # As when a rebuild is cut over
    queries = Queries(query_pool)
    assert queries.read("tenant_summary", tenant).body is not None
    owner = Pool(database_url)
    with owner.transaction() as cursor:
        cursor.execute(
            "ALTER TABLE read_schema.tenant_summary_projections RENAME TO former; "
            "CREATE TABLE read_schema.tenant_summary_projections (LIKE read_schema.former INCLUDING ALL); "
            "GRANT SELECT ON read_schema.tenant_summary_projections TO public"
        )
    owner.close()

    assert queries.read("tenant_summary", tenant).body is None


def test_nothing_is_planned_by_what_a_small_table_looks_like(query_pool: Pool, tenant: str, database_url: str) -> None:
    # Given tables of which PostgreSQL knows that next to nothing is in them
    owner = Pool(database_url)
    with owner.cursor() as cursor:
        cursor.execute("ANALYZE")
    owner.close()

    # When all queries are first asked
    queries = Queries(query_pool)
    for query in QUERY_PROJECTIONS:
        queries.read(query, tenant, **({ABOUT[query]: tenant} if query in ABOUT else {}))

    # Then their plans, which are kept, read by an index
    with query_pool.cursor() as cursor:
        cursor.execute("SELECT name, array_length(parameter_types, 1), parameter_types FROM pg_prepared_statements")
        for name, _, types in cursor.fetchall():
            values = ", ".join("NULL" for _ in types.strip("{}").split(","))
            cursor.execute(f"EXPLAIN EXECUTE {name} ({values})")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan" not in plan, plan
            assert "Bitmap" not in plan, plan


def test_a_batch_looks_up_each_row_by_its_key_however_few_the_planner_takes_them_for(
    engine_pool: Pool, story: Story
) -> None:
    # Given tables that nobody has analysed, whose rows a policy hides from the planner
    tenant = story.tenant()
    engine = ProjectionEngine(engine_pool, story, PROJECTIONS, invalidator=Heard())
    for _ in range(3):
        story.joins(tenant, story.workspace(tenant, story.user(tenant)), story.user(tenant))
        engine.catch_up(shard_of(tenant))

    # When the statements are looked at that the session has kept
    with engine_pool.cursor() as cursor:
        cursor.execute("SELECT name, cardinality(parameter_types) FROM pg_prepared_statements")
        plans = {}
        for name, values in cursor.fetchall():
            cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {name} ({', '.join(['NULL'] * values)})")
            plans[name] = cursor.fetchone()[0][0]["Plan"]

    # Then each table is read by the columns that its key begins with
    begins = {"projection_checkpoints": ["shard"], "rewritten_aggregates": ["shard"]}
    read = [node for plan in plans.values() for node in nodes(plan) if "Scan" in node["Node Type"]]
    tables = [node for node in read if "Relation Name" in node and node["Relation Name"] != "projections"]
    assert len({node["Relation Name"] for node in tables}) >= 5
    for node in tables:
        condition = node.get("Index Cond") or node.get("Recheck Cond", "")
        for column in begins.get(node["Relation Name"], ["tenant_id", "_id ="]):
            assert column in condition, node


def test_a_batch_whose_session_has_forgotten_is_done_the_next_time_and_parks_nothing(
    engine_pool: Pool, story: Story
) -> None:
    tenant = story.tenant()
    engine = ProjectionEngine(engine_pool, story, PROJECTIONS)
    engine.catch_up(shard_of(tenant))
    story.user(tenant)
    with engine_pool.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")

    with pytest.raises(InvalidSqlStatementName) as error:
        engine.catch_up(shard_of(tenant))

    assert is_transient(error.value)
    progress = engine.catch_up(shard_of(tenant))
    assert (progress.applied, progress.failed) == (2, ())


def test_columns_may_come_and_get_other_types_between_two_batches(
    engine_pool: Pool, story: Story, database_url: str
) -> None:
    # Given a session that has planned what it reads and writes
    tenant = story.tenant()
    engine = ProjectionEngine(engine_pool, story, PROJECTIONS, invalidator=Heard())
    story.joins(tenant, story.workspace(tenant, story.user(tenant)), story.user(tenant))
    engine.catch_up(shard_of(tenant))

    # When a release gives all tables a column
    owner = Pool(database_url)
    with owner.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'read_schema'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE read_schema.{table} ADD COLUMN of_the_next_release text")
        # Or somebody makes room for what was too long.
        cursor.execute("ALTER TABLE read_schema.user_projections ALTER first_name TYPE varchar(300)")
    owner.close()

    # Then the next batch goes on
    story.joins(tenant, story.workspace(tenant, story.user(tenant)), story.user(tenant))
    progress = engine.catch_up(shard_of(tenant))
    assert (progress.applied > 0, progress.failed) == (True, ())


def test_a_column_of_the_log_may_get_another_type_between_two_reads(database_url: str) -> None:
    pool = Pool(database_url)
    log = PostgresEventStore(pool)
    assert log.read(0, 0, 10) == []
    with pool.cursor() as cursor:
        cursor.execute("ALTER TABLE write_schema.domain_events ALTER event_type TYPE varchar(300)")

    assert log.read(0, 0, 10) == []
    pool.close()
