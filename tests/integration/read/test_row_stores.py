"""What every RowStore has to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.postgres.pool import Pool
from domain.read import schema
from domain.read.memory_rows import MemoryRowStore
from domain.read.row_store import PostgresRowStore
from domain.read.rows import Rows, RowStore
from domain.read.tables import Key, Row, RowTable

USERS = RowTable(schema.users)
MEMBERS = RowTable(schema.workspace_members)
WORKSPACES = RowTable(schema.workspaces)
T, W, V, A, B, C = (f"00000000-0000-4000-8000-00000000000{number}" for number in range(6))
NOW = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Iterator[RowStore]:
    if request.param == "memory":
        yield MemoryRowStore()
        return
    pool: Pool = request.getfixturevalue("engine_pool")
    with pool.transaction() as cursor:
        yield PostgresRowStore(cursor, "read_schema")


def member(key: Key, **fields: Any) -> Row:
    row = {"role": "member", "joined_at": NOW, "updated_at": NOW, "joined_position": 1}
    return dict(zip(MEMBERS.key, key, strict=True)) | row | fields


def put(store: RowStore, table: RowTable, *rows: Row) -> None:
    changes = Rows()
    changes.load(store, {table: {table.key_of(row) for row in rows}})
    for row in rows:
        changes.put(table, row)
    store.write(changes)


def keys(table: RowTable, rows: Any) -> list[Key]:
    return sorted(table.key_of(row) for row in rows)


def test_rows_are_loaded_as_they_were_written(store: RowStore) -> None:
    user: Row = {
        "tenant_id": T,
        "user_id": A,
        "email": "ada@example.com",
        "first_name": "Ada \\ \"'{}%s",
        "last_name": "💾\n",
        "display_name": "",
        "avatar": None,
        "timezone": "UTC",
        "language": "en",
        "status": "active",
        "roles": ["user", "admin"],
        "deactivation_reason": None,
        "created_at": NOW,
        "updated_at": NOW,
        "created_position": 2**60,
        "event_version": 3,
    }

    put(store, USERS, user)

    assert list(store.load(USERS, {(T, A)})) == [user]


@pytest.mark.parametrize(
    "settings", [{}, {"a": [1, None, {"b": True}]}, {"big": 1e22, "small": 1e-7, "minus": -0.5, "ü": "é"}]
)
def test_json_is_loaded_as_it_was_written(store: RowStore, settings: dict[str, Any]) -> None:
    workspace: Row = {
        "tenant_id": T,
        "workspace_id": W,
        "name": "Engines",
        "description": "",
        "owner_id": A,
        "status": "active",
        "is_public": False,
        "settings": settings,
        "member_count": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "created_position": 1,
        "event_version": 1,
    }

    put(store, WORKSPACES, workspace)

    assert list(store.load(WORKSPACES, {(T, W)})) == [workspace]


def test_what_was_not_asked_for_is_not_loaded(store: RowStore) -> None:
    put(store, MEMBERS, member((T, W, A)), member((T, W, B)), member((T, V, A)), member((V, W, A)))

    assert keys(MEMBERS, store.load(MEMBERS, {(T, W, A), (T, W, C)})) == [(T, W, A)]
    assert list(store.load(MEMBERS, set())) == []


def test_a_prefix_loads_all_rows_that_begin_with_it(store: RowStore) -> None:
    put(store, MEMBERS, member((T, W, A)), member((T, W, B)), member((T, V, A)), member((V, W, A)))

    assert keys(MEMBERS, store.load(MEMBERS, {(T, W)})) == [(T, W, A), (T, W, B)]


def test_keys_and_prefixes_can_be_asked_for_together_and_overlap(store: RowStore) -> None:
    put(store, MEMBERS, member((T, W, A)), member((T, W, B)), member((T, V, A)), member((V, W, A)))
    rows = Rows()

    rows.load(store, {MEMBERS: {(T, W), (T, W, A), (V, W, A), (V, V)}})

    assert rows.get(MEMBERS, (T, W, B)) is not None
    assert rows.get(MEMBERS, (V, W, A)) is not None
    assert rows.get(MEMBERS, (V, V, C)) is None


def test_rows_are_added_changed_and_deleted_together(store: RowStore) -> None:
    put(store, MEMBERS, member((T, W, A)), member((T, W, B)))
    rows = Rows()
    rows.load(store, {MEMBERS: {(T, W, A), (T, W, B), (T, W, C)}})

    rows.put(MEMBERS, member((T, W, C), role="viewer"))
    rows.change(MEMBERS, (T, W, A))["role"] = "admin"
    rows.remove(MEMBERS, (T, W, B))
    store.write(rows)

    left = {row["user_id"]: row["role"] for row in store.load(MEMBERS, {(T, W)})}
    assert left == {A: "admin", C: "viewer"}


def test_writing_nothing_is_nothing(store: RowStore) -> None:
    rows = Rows()
    rows.load(store, {MEMBERS: {(T, W, A)}})

    store.write(rows)

    assert list(store.load(MEMBERS, {(T, W)})) == []
