"""How PostgreSQL answers the queries of a big tenant among small ones: by the index, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from psycopg2.extensions import cursor as Cursor

from domain.postgres.pool import Pool
from domain.postgres.prepared import Prepared
from domain.read import queries, row_store, schema
from domain.read.cursor import encode
from domain.read.engine import ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.read.queries import QUERY_PROJECTIONS, Queries
from domain.read.tables import RowTable
from tests.integration.read.conftest import Pools
from tests.story import Story

USERS, WORKSPACES, MEMBERS = 3000, 300, 1000

SCHEMA = "read_schema"

Plan = dict[str, Any]


@pytest.fixture
def story() -> Story:
    story = Story(7)
    for number in range(300):
        small = story.tenant(f"Small {number}")
        story.workspace(small, story.user(small))
    return story


@pytest.fixture
def big(story: Story) -> tuple[str, str, str]:
    """A tenant with many users and workspaces, a workspace of it with many members, and before that one of these."""
    tenant = story.tenant("Big")
    ids = [story.user(tenant) if number % 3 else story.registered(tenant) for number in range(USERS)]
    workspaces = [story.workspace(tenant, ids[0], f"Number {number}") for number in range(WORKSPACES)]
    for workspace in workspaces:
        for member in ids[1 : MEMBERS if workspace == workspaces[150] else 5]:
            story.joins(tenant, workspace, member)
    return tenant, ids[500], workspaces[150]


class Recorder:
    """Stands where the pool does, prepares for it, and keeps what a query would have run."""

    def __init__(self, cursor: Cursor) -> None:
        self.connection = cursor.connection
        self.sent: tuple[str, dict[str, Any]] = ("", {})
        self._cursor = cursor

    @contextmanager
    def cursor(self) -> Iterator[Recorder]:
        yield self

    def execute(self, sql: str, values: dict[str, Any] | None = None) -> None:
        if values is None:
            self._cursor.execute(sql)
        else:
            self.sent = (sql, values)

    def fetchone(self) -> None:
        return None


def explain(pool: Pool, query: str, tenant: str, what: dict[str, Any]) -> Plan:
    with pool.cursor() as cursor:
        recorder = Recorder(cursor)
        Queries(cast(Pool, recorder)).read(query, tenant, **what)
        sql, values = recorder.sent
        isolating, query = sql.split(";\n")
        cursor.execute(f"{isolating};\nEXPLAIN (ANALYZE, FORMAT JSON) {query}", values)
        row = cursor.fetchone()
    assert row is not None
    return cast(Plan, row[0][0]["Plan"])


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def rows_read(node: Plan) -> float:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


def fold(pool: Pool, story: Story) -> None:
    engine = ProjectionEngine(pool, story, PROJECTIONS, batch_size=1000)
    for shard in story.heads():
        engine.catch_up(shard, seconds=60)


def asked(user: str, workspace: str) -> dict[str, tuple[str, int, dict[str, Any]]]:
    """Return under a name each: a query, how many rows it may read, and what is asked of the big tenant."""
    members = {"workspace_id": workspace, "limit": 100}
    return {
        "user": ("user", 10, {"user_id": user}),
        "users": ("users_of_tenant", 120, {"limit": 100}),
        "active users": ("users_of_tenant", 120, {"limit": 100, "active_only": True}),
        "users far in": ("users_of_tenant", 120, {"limit": 100, "cursor": encode("u", 2000)}),
        "users by offset": ("users_of_tenant", 1120, {"limit": 100, "offset": 1000}),
        "workspace": ("workspace", 220, {"workspace_id": workspace}),
        "workspaces": ("workspaces_of_tenant", 120, {"limit": 100}),
        "members": ("workspace_members", 220, members),
        "members far in": ("workspace_members", 220, {**members, "cursor": encode("m", 5900)}),
        "summary": ("tenant_summary", 10, {}),
        "dashboard": ("dashboard", 40, {}),
    }


@pytest.mark.parametrize("planned", ["with statistics", "on empty tables"])
def test_queries_read_by_the_index_and_little_more_than_they_show(
    big: tuple[str, str, str], story: Story, engine_pool: Pool, pool: Pools, planned: str
) -> None:
    tenant, *others = big
    questions = asked(*others)
    assert {query for query, _, _ in questions.values()} == QUERY_PROJECTIONS.keys()
    planning = pool(queries.SESSION)

    def explained() -> dict[str, list[Plan]]:
        return {
            name: list(nodes(explain(planning, query, tenant, what))) for name, (query, _, what) in questions.items()
        }

    # Given a session that knows of a big tenant which has most of the rows, or that has planned before there was any
    if planned == "on empty tables":
        explained()
    fold(engine_pool, story)
    if planned == "with statistics":
        with engine_pool.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")

    # When each query is run, also far into its list
    plans = explained()

    # Then every table is read by an index, in its order, and no further than the page goes
    for name, (_, most, _) in questions.items():
        scans = [node for node in plans[name] if "Relation Name" in node]
        assert scans
        assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan"}, name
        assert sum(map(rows_read, scans)) <= most, name
        assert all(rows_read(node) <= 101 for node in plans[name] if node["Node Type"] == "Sort"), name


def test_folding_reads_and_deletes_rows_by_their_keys_whatever_was_planned_on_empty_tables(
    big: tuple[str, str, str], story: Story, engine_pool: Pool
) -> None:
    # Given a session of the engine that has planned before there were any rows
    tenant, user, workspace = big
    keys = {
        RowTable(schema.users): (tenant, user),
        RowTable(schema.workspaces): (tenant, workspace),
        RowTable(schema.workspace_members): (tenant, workspace, user),
    }

    def rows(cursor: Cursor, statement: Prepared, *values: object) -> float:
        statement.prepare(cursor)
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.running}", values)
        ((found,),) = cursor.fetchall()
        return sum(rows_read(node) for node in nodes(found[0]["Plan"]) if "Index Name" in node)

    def read() -> dict[str, tuple[float, float]]:
        found = {}
        with engine_pool.cursor() as cursor:
            for table, key in keys.items():
                load, delete = row_store._load(table, SCHEMA, (len(key),)), row_store._delete(table, SCHEMA)
                found[table.name] = (
                    rows(cursor, load, row_store._json_keys(table, [key])),
                    rows(cursor, delete, *key[:-1], [key[-1]]),
                )
        return found

    assert set(read().values()) == {(0, 0)}
    fold(engine_pool, story)

    # When a row of each kind is looked up and deleted
    # Then no other is read
    assert set(read().values()) == {(1, 1)}
