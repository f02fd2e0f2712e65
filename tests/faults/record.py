"""What every transaction of the engine did, written down by PostgreSQL itself in the same transaction.

Triggers see each change of a checkpoint and of a row that keeps an aggregate's version. So what is asserted here does
not rest on the engine's own word, and holds for processes of which we have nothing but their database.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import psycopg2

from domain.read.projections import PROJECTIONS

_TABLE = """
CREATE SCHEMA record;
CREATE UNLOGGED TABLE record.changes (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text, key text, old bigint, new bigint
);
CREATE FUNCTION record.change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    key text := '';
    field text;
    old_value bigint := 0;
BEGIN
    FOREACH field IN ARRAY string_to_array(TG_ARGV[1], ',') LOOP
        key := key || '/' || (to_jsonb(NEW) ->> field);
    END LOOP;
    IF TG_OP = 'UPDATE' THEN
        old_value := to_jsonb(OLD) ->> TG_ARGV[2];
    END IF;
    INSERT INTO record.changes (what, key, old, new)
    VALUES (TG_ARGV[0], key, old_value, (to_jsonb(NEW) ->> TG_ARGV[2])::bigint);
    RETURN NULL;
END $$;
"""

_TRIGGER = """
CREATE TRIGGER record AFTER INSERT OR UPDATE ON read_schema.{table} FOR EACH ROW
EXECUTE FUNCTION record.change('{table}', '{key}', '{number}')
"""

#: The tables with a row for each aggregate, all events of which change it.
_WHOLE = {"user_projections": "tenant_id,user_id", "workspace_projections": "tenant_id,workspace_id"}


def begin(database_url: str) -> None:
    """Write down all changes from now on."""
    execute(database_url, _TABLE)
    for table, key in _WHOLE.items():
        execute(database_url, _TRIGGER.format(table=table, key=key, number="event_version"))
    execute(database_url, _TRIGGER.format(table="projection_checkpoints", key="projection,shard", number="position"))


def assert_each_event_was_applied_once_and_in_order(database_url: str) -> int:
    """Every projection passed every event once, in order; every row saw every version once, in order.

    Returns how many applications there were: the events times the projections.
    """
    heads = dict(rows(database_url, "SELECT shard, head FROM write_schema.shards WHERE head > 0"))
    marks = _steps(database_url, "projection_checkpoints", moves_only=True)
    wanted = {f"/{projection.name}/{shard}": head for projection in PROJECTIONS for shard, head in heads.items()}
    _assert_chains(marks, wanted)

    versions = rows(
        database_url,
        "SELECT '/' || tenant_id || '/' || aggregate_id, aggregate_type, max(version) "
        "FROM write_schema.domain_events GROUP BY tenant_id, aggregate_id, aggregate_type",
    )
    for table, kind in (("user_projections", "user"), ("workspace_projections", "workspace")):
        _assert_chains(_steps(database_url, table), {key: last for key, each, last in versions if each == kind})
    return sum(wanted.values())


def _assert_chains(steps: dict[str, list[tuple[int, int]]], wanted: dict[str, int]) -> None:
    """Each key's steps lead from 0 to what is wanted, each beginning where the one before ended."""
    assert steps.keys() == wanted.keys()
    for key, chain in steps.items():
        applied = [number for old, new in chain for number in range(old + 1, new + 1)]
        assert all(old < new for old, new in chain), f"{key} was written again: {chain}"
        assert applied == list(range(1, wanted[key] + 1)), f"{key} was not applied in order, each once: {chain}"


def _steps(database_url: str, table: str, moves_only: bool = False) -> dict[str, list[tuple[int, int]]]:
    # A checkpoint's row is also written when it is opened, and for what is kept beside the position.
    condition = "AND old <> new" if moves_only else ""
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for key, old, new in rows(
        database_url, f"SELECT key, old, new FROM record.changes WHERE what = '{table}' {condition} ORDER BY sequence"
    ):
        found[key].append((old, new))
    return found


def rows(database_url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(database_url, options="-c app.engine=on")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()
    finally:
        connection.close()


def execute(database_url: str, sql: str) -> None:
    connection = psycopg2.connect(database_url, options="-c app.engine=on")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
    finally:
        connection.close()
