"""The appendix: how PostgreSQL answers the eight queries, and which statements cost it most."""

from __future__ import annotations

from typing import Any

import psycopg2

from domain.postgres.pool import Pool
from domain.read.queries import QUERY_PROJECTIONS, SESSION, asked
from tests.performance.questions import Contents
from tests.performance.world import World


def appendix(world: World, contents: Contents) -> list[tuple[str, str]]:
    """Titles and texts."""
    found = [(f"EXPLAIN (ANALYZE, BUFFERS) of {query}", plan) for query, plan in _plans(world, contents).items()]
    if world.machinery.statistics is not None:
        found.append(("Statements by time, of pg_stat_statements", _statements(world)))
    return found


def _plans(world: World, contents: Contents) -> dict[str, str]:
    tenant = next(iter(contents.users))
    arguments: dict[str, dict[str, Any]] = {
        "user": {"user_id": contents.users[tenant][0]},
        "workspace": {"workspace_id": contents.workspaces[tenant][0]},
        "workspace_members": {"workspace_id": contents.workspaces[tenant][0]},
    }
    pool = Pool(world.database_url, settings=SESSION)
    plans = {}
    for query in QUERY_PROJECTIONS:
        statement, values = asked(query, tenant, **arguments.get(query, {}))
        isolating, execute = statement.running.split(";\n")
        with pool.cursor() as cursor:
            # Once before, so that what is shown is not the session's first.
            statement.run(cursor, values)
            cursor.execute(f"{isolating}; EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {execute}", values)
            plans[query] = "\n".join(line for (line,) in cursor.fetchall())
    pool.close()
    return plans


def _statements(world: World) -> str:
    connection = psycopg2.connect(world.machinery.statistics)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        cursor.execute(
            "SELECT calls, round(total_exec_time::numeric), round(mean_exec_time::numeric, 3), "
            "round(total_plan_time::numeric), regexp_replace(query, '\\s+', ' ', 'g') FROM pg_stat_statements "
            "ORDER BY total_exec_time DESC LIMIT 25"
        )
        rows = cursor.fetchall()
    connection.close()
    head = f"{'calls':>9} {'total ms':>9} {'mean ms':>9}  statement"
    return "\n".join(
        [head, *(f"{calls:9,} {total:9,} {mean:9}  {query[:200]}" for calls, total, mean, _, query in rows)]
    )
