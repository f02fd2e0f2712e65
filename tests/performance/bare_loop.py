"""What no projection engine can beat by much: read a batch, bulk upsert it. Nothing is looked up, since all rows are
kept in memory; nothing is guarded, nothing can be parked, and no other process may do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from domain.postgres.pool import Pool

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

SCHEMA = "bench_bare"

_COLUMNS = (
    "tenant_id, user_id, email, first_name, last_name, display_name, avatar, timezone, language, status, roles, "
    "deactivation_reason, created_at, updated_at, created_position, event_version"
)

_UPSERT = (
    f"INSERT INTO {SCHEMA}.user_projections ({_COLUMNS}) "
    f"SELECT {_COLUMNS} FROM json_populate_recordset(NULL::{SCHEMA}.user_projections, %s) "
    "ON CONFLICT (tenant_id, user_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[2:])
)

_READ = (
    "SELECT position, tenant_id, aggregate_type, aggregate_id, version, event_type, occurred_at, payload "
    "FROM write_schema.domain_events WHERE shard = %s AND position > %s ORDER BY position LIMIT %s"
)


def project(pool: Pool, batch_size: int = 100) -> None:
    """Fold all events of users."""
    with pool.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.checkpoints (shard integer PRIMARY KEY, position bigint)")
        cursor.execute("SELECT shard FROM write_schema.shards WHERE head > 0")
        for (shard,) in cursor.fetchall():
            _shard(cursor, shard, batch_size)


def _shard(cursor: cursor, shard: int, batch_size: int) -> None:
    users: dict[str, dict[str, Any]] = {}
    after = 0
    while True:
        cursor.execute(_READ, (shard, after, batch_size))
        events = cursor.fetchall()
        if not events:
            return
        changed = {}
        for position, tenant_id, type_, id, version, event_type, at, payload in events:
            if type_ == "user":
                user = users.setdefault(id, {"tenant_id": tenant_id, "user_id": id, "created_position": position})
                _change(user, event_type, at, payload)
                user["event_version"] = version
                changed[id] = user
        after = events[-1][0]
        cursor.execute(
            f"BEGIN; {_UPSERT}; INSERT INTO {SCHEMA}.checkpoints VALUES (%s, %s) "
            "ON CONFLICT (shard) DO UPDATE SET position = excluded.position; COMMIT",
            (orjson.dumps(list(changed.values())).decode(), shard, after),
        )


def _change(user: dict[str, Any], event_type: str, at: Any, payload: dict[str, Any]) -> None:
    if event_type == "user.registered":
        user.update(
            email=payload["email"], first_name=payload["first_name"], last_name=payload["last_name"], timezone="UTC",
            language="en", status="pending", roles=["user"], created_at=at,
        )  # fmt: skip
    elif event_type == "user.activated":
        user["status"] = payload["status"]
    elif event_type == "user.role_changed":
        user["roles"] = [*user["roles"], payload["role"]]
    else:
        user.update(payload)
    user["display_name"] = f"{user['first_name']} {user['last_name']}"
    user["updated_at"] = at
