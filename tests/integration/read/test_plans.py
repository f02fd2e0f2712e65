"""How PostgreSQL answers the queries of a big tenant among small ones: by the index, a few rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from psycopg2.extensions import cursor as Cursor

from domain.postgres.pool import Pool
from domain.read import queries
from domain.read.cursor import encode
from domain.read.engine import ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.read.queries import QUERY_PROJECTIONS, Queries
from tests.integration.read.conftest import Pools
from tests.story import Story

USERS, WORKSPACES, MEMBERS = 3000, 300, 1000

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
    """A tenant with many users and workspaces, a user of it, and a workspace of it with many members."""
    tenant = story.tenant("Big")
    ids = [story.user(tenant) if number % 3 else story.registered(tenant) for number in range(USERS)]
    workspaces = [story.workspace(tenant, ids[0], f"Number {number}") for number in range(WORKSPACES)]
    for workspace in workspaces:
        for member in ids[1 : MEMBERS if workspace == workspaces[150] else 5]:
            story.joins(tenant, workspace, member)
    return tenant, ids[1500], workspaces[150]


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


def explain(pool: Pool, ask: Callable[[Queries], object]) -> Plan:
    with pool.cursor() as cursor:
        recorder = Recorder(cursor)
        ask(Queries(cast(Pool, recorder)))
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


def test_queries_read_by_the_index_and_little_more_than_they_show(
    big: tuple[str, str, str], story: Story, engine_pool: Pool, pool: Pools
) -> None:
    # Given a database with statistics, in which the big tenant has most of the rows
    engine = ProjectionEngine(engine_pool, story, PROJECTIONS, batch_size=1000)
    for shard in story.heads():
        engine.catch_up(shard, seconds=60)
    with engine_pool.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")

    # When each query is planned and run, also far into its list
    tenant, user, workspace = big
    asked: dict[str, tuple[str, int, Callable[[Queries], object]]] = {
        "user": ("user", 10, lambda q: q.read("user", tenant, user_id=user)),
        "users": ("users_of_tenant", 120, lambda q: q.read("users_of_tenant", tenant, limit=100)),
        "active users": (
            "users_of_tenant",
            120,
            lambda q: q.read("users_of_tenant", tenant, limit=100, active_only=True),
        ),
        "users far in": (
            "users_of_tenant",
            120,
            lambda q: q.read("users_of_tenant", tenant, limit=100, cursor=encode("u", 2000)),
        ),
        "users by offset": (
            "users_of_tenant",
            1120,
            lambda q: q.read("users_of_tenant", tenant, limit=100, offset=1000),
        ),
        "workspace": ("workspace", 220, lambda q: q.read("workspace", tenant, workspace_id=workspace)),
        "workspaces": ("workspaces_of_tenant", 120, lambda q: q.read("workspaces_of_tenant", tenant, limit=100)),
        "members": (
            "workspace_members",
            220,
            lambda q: q.read("workspace_members", tenant, workspace_id=workspace, limit=100),
        ),
        "members far in": (
            "workspace_members",
            220,
            lambda q: q.read("workspace_members", tenant, workspace_id=workspace, limit=100, cursor=encode("m", 5900)),
        ),
        "summary": ("tenant_summary", 10, lambda q: q.read("tenant_summary", tenant)),
        "dashboard": ("dashboard", 40, lambda q: q.read("dashboard", tenant)),
    }
    assert {query for query, _, _ in asked.values()} == QUERY_PROJECTIONS.keys()
    planning = pool(queries.SESSION)
    plans = {name: list(nodes(explain(planning, ask))) for name, (_, _, ask) in asked.items()}

    # Then every table is read by an index, in its order, and no further than the page goes
    for name, (_, most, _) in asked.items():
        scans = [node for node in plans[name] if "Relation Name" in node]
        assert scans
        assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan"}, name
        assert sum(map(rows_read, scans)) <= most, name
        assert all(rows_read(node) <= 101 for node in plans[name] if node["Node Type"] == "Sort"), name
