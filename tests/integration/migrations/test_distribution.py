"""Both schemas can be distributed as they stand: no statement joins what would lie on two servers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest
from pglast import parse_plpgsql
from psycopg2.extensions import cursor as Cursor
from sqlalchemy import Engine, event

from domain.bootstrap import bootstrap
from domain.model.position import shard_of
from domain.model.users.commands import UpdateUser
from domain.read.queries import QUERY_PROJECTIONS
from domain.settings import Settings
from domain.write.outcome import Metadata
from tests.faults.storm import ROOT, Storm
from tests.integration.migrations.joins import separate_joins
from tests.integration.migrations.test_catalogue import FIRST, INFRASTRUCTURE, tables
from workers.checkpoint_watch import CheckpointWatch


@pytest.fixture
def distributed(database_url: str) -> dict[str, str]:
    """Each table that belongs to tenants, and the column that it would be distributed by."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        return {
            f"{side}_schema.{table}": FIRST[side]
            for side in ("read", "write")
            for table in tables(cursor, side) - INFRASTRUCTURE[side]
        }


@contextmanager
def recording(database_url: str) -> Iterator[dict[str, str]]:
    """Give each statement that is sent meanwhile, by its text before the values came in."""
    sent: dict[str, str] = {}

    class Recorder(Cursor):
        def execute(self, query: Any, vars: Any = None) -> None:
            sent.setdefault(query, self.mogrify(query, vars).decode())
            super().execute(query, vars)

    def record(connection: Any, _record: object) -> None:
        connection.cursor_factory = Recorder

    event.listen(Engine, "connect", record)
    try:
        yield sent
    finally:
        event.remove(Engine, "connect", record)


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    return Settings.from_environment(urls | {"JWT_SECRET": "a-secret-of-more-than-thirty-two-bytes"})


def test_no_statement_joins_what_would_lie_apart(
    database_url: str, settings: Settings, distributed: dict[str, str]
) -> None:
    # When everything is done that anybody can do
    with recording(database_url) as sent:
        everything_happens(database_url, settings)

    joining = [sql for sql in sent.values() if sum(table.split(".")[1] in sql for table in distributed) > 1]
    assert len(sent) > 100
    assert len(joining) > 20
    assert [query for query in QUERY_PROJECTIONS if not any(f"PREPARE query_{query} " in sql for sql in sent)] == []
    assert {sql: found for sql in sent.values() if (found := separate_joins(sql, distributed))} == {}


def test_no_function_of_the_database_joins_what_would_lie_apart(database_url: str, distributed: dict[str, str]) -> None:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_language l ON l.oid = prolang "
            "WHERE pronamespace = 'write_schema'::regnamespace AND lanname = 'plpgsql'"
        )
        bodies = [body for (body,) in cursor.fetchall()]

    # The parser knows no types but PostgreSQL's own, and those of variables and results make no difference.
    bodies = [re.sub(r"^(\s*\w+) write_schema\.\w+;", r"\1 record;", body, flags=re.MULTILINE) for body in bodies]
    bodies = [re.sub(r"RETURNS SETOF write_schema\.\w+", "RETURNS SETOF record", body) for body in bodies]
    found = [sql for body in bodies for sql in queries_of(parse_plpgsql(body))]

    assert len(found) > 10
    assert [each for sql in found for each in separate_joins(sql, distributed)] == []


def queries_of(node: Any) -> Iterator[str]:
    """The statements in a function, not its expressions."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "query" and isinstance(value, str) and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE)", value):
                yield value
            else:
                yield from queries_of(value)
    elif isinstance(node, list):
        for each in node:
            yield from queries_of(each)


USERS, MEMBERS = "read_schema.user_projections", "read_schema.workspace_member_projections"


@pytest.mark.parametrize(
    ("sql", "apart"),
    [
        (f"SELECT FROM {USERS} u JOIN {MEMBERS} m USING (tenant_id, user_id)", False),
        (f"SELECT FROM {USERS} u JOIN {MEMBERS} m USING (user_id)", True),
        (f"SELECT FROM {USERS} u, {MEMBERS} m WHERE u.tenant_id = 'x' AND m.tenant_id = 'x'", False),
        (f"SELECT FROM {USERS} u, {MEMBERS} m WHERE u.tenant_id = 'x' AND m.tenant_id = 'y'", True),
        (f"SELECT FROM {USERS} u JOIN {MEMBERS} m ON u.tenant_id = m.tenant_id OR m.role = 'owner'", True),
        (f"SELECT FROM {USERS} u WHERE EXISTS (SELECT FROM {MEMBERS} m WHERE m.tenant_id = u.tenant_id)", False),
        (f"SELECT FROM {USERS} u WHERE EXISTS (SELECT FROM {MEMBERS} m WHERE m.user_id = u.user_id)", True),
        (f"WITH p AS (SELECT * FROM {USERS}) SELECT FROM p JOIN {MEMBERS} m USING (user_id)", True),
        (f"WITH p AS (SELECT * FROM {USERS}) SELECT FROM p JOIN {MEMBERS} m USING (tenant_id)", False),
        (f"PREPARE q AS SELECT FROM {USERS} u, {MEMBERS} m WHERE u.tenant_id = $1 AND m.tenant_id = $1", False),
        (f"PREPARE q AS SELECT FROM {USERS} u, {MEMBERS} m WHERE u.tenant_id = $1 AND m.tenant_id = $2", True),
        ("DELETE FROM write_schema.domain_events e USING write_schema.snapshots s WHERE e.shard = s.shard", False),
        ("DELETE FROM write_schema.domain_events e USING write_schema.snapshots s WHERE e.version = s.version", True),
    ],
)
def test_joins_of_what_lies_apart_are_told(sql: str, apart: bool, distributed: dict[str, str]) -> None:
    assert bool(separate_joins(sql, distributed)) == apart


def everything_happens(database_url: str, settings: Settings) -> None:
    """Commands, folds, queries, failures and how they are mended, rebuilds, repairs, and looks at all of it."""
    with Storm(settings, tenants=3, writers=1, workers=1) as storm:
        while storm.commands < 60 and not storm.faults:
            time.sleep(0.02)
    parts, tenant = bootstrap(settings), max(storm.tenants, key=lambda each: len(storm.users[each]))
    assert storm.faults == []
    shard, user = shard_of(tenant), storm.users[tenant][0]
    try:
        parts.event_store.answered(tenant, ["a-key"])
        parts.event_store.backwards(tenant, None, 10)
        parts.event_store.backwards(tenant, None, 10, user)
        parts.event_store.tenant_of(user)
        for query in ("users_of_tenant", "workspaces_of_tenant", "tenant_summary", "dashboard"):
            parts.queries.read(query, tenant)
        parts.queries.read("users_of_tenant", tenant, active_only=True)
        # It need not exist: what is looked for is the statement.
        for query in ("workspace", "workspace_members"):
            parts.queries.read(query, tenant, workspace_id=user)
        parts.queries.read("user", tenant, user_id=user)
        fails_and_is_mended(database_url, parts, storm, tenant)
        for name in ("users", "workspaces", "tenant_summaries"):
            parts.rebuilder.start(name, compare=True)
            while parts.rebuilder.drive(name):
                pass
            assert parts.rebuilder.progress(name)["state"] == "done"
        parts.rebuilder.compare("users")
        parts.rebuilder.way_back("users")
        parts.repair.repair("users", tenant, user)
        assert [each["drifted"] for each in parts.verifier.all()] == [0, 0, 0]
        parts.verifier.sample(4)
        CheckpointWatch(parts.monitor, parts.read_pool)()
        parts.monitor.status()
        parts.start_over.start_over()
        parts.engine.catch_up(shard, 30)
    finally:
        parts.close()
        storm.close()


def fails_and_is_mended(database_url: str, parts: Any, storm: Storm, tenant: str) -> None:
    """One aggregate is parked, retried and released, and another one skipped."""
    shard = shard_of(tenant)
    refuses = f"ALTER TABLE {USERS} ADD CONSTRAINT refuses CHECK (first_name <> 'Refused') NOT VALID"
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(refuses)
    for user in storm.users[tenant][:2]:
        renamed = UpdateUser(tenant_id=tenant, actor=ROOT, user_id=user, changes={"first_name": "Refused"})
        parts.command_bus.execute(renamed, metadata=Metadata(correlation_id="test"))
    parts.engine.catch_up(shard, 30)
    retried, skipped = parts.dead_letters.page().letters
    parts.dead_letters.show(retried.id)
    parts.dead_letters.skip(skipped.id, "it can't be right", "somebody")
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {USERS} DROP CONSTRAINT refuses")
    parts.dead_letters.retry(retried.id)
    parts.engine.catch_up(shard, 30)
    assert parts.dead_letters.page().letters == []
