"""What PostgreSQL itself guards, and what happens when it goes away in the middle."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.errors import EmailTaken, Unavailable
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.write.event_store import History, Snapshot
from domain.write.postgres_store import PostgresEventStore
from tests.integration.write.appends import answer, append, registered, renamed, tenant_created


@pytest.fixture
def store(pool: Pool) -> PostgresEventStore:
    return PostgresEventStore(pool)


@pytest.fixture
def tenant(store: PostgresEventStore) -> str:
    tenant_id = str(uuid4())
    store.append(append(tenant_id, tenant_created(tenant_id)))
    return tenant_id


def test_sql_and_python_agree_on_the_shard(pool: Pool):
    keys = [str(uuid4()) for _ in range(500)] + ["", "acme", "Zürich", "𝄞"]
    with pool.cursor() as cursor:
        cursor.execute(
            "SELECT write_schema.shard_of(key) FROM unnest(%s) WITH ORDINALITY AS k(key, n) ORDER BY n", [keys]
        )
        assert [row[0] for row in cursor.fetchall()] == [shard_of(key) for key in keys]


@given(st.uuids().map(str))
def test_shards_are_stable(key: str):
    assert 0 <= shard_of(key) <= 255
    assert shard_of("00000000-0000-0000-0000-000000000000") == 18


def test_the_oldest_answers_are_forgotten_first(pool: Pool, store: PostgresEventStore, tenant: str):
    keys = ["first", "second", "third"]
    for key in keys:
        store.append(append(tenant, idempotency=[answer(key)]))
    with pool.cursor() as cursor:
        # The last one is the oldest, and lies where it is found last.
        cursor.execute(
            "SELECT set_config('app.engine', 'on', true); "
            "UPDATE write_schema.idempotency_keys SET created_at = created_at - interval '2 days' WHERE key = 'third'"
        )

    assert store.forget_answers(datetime.now(UTC) + timedelta(hours=1), limit=1) == 1

    assert sorted(store.answered(tenant, keys)) == ["first", "second"]


def test_where_there_are_no_walls_each_statement_still_asks_for_its_tenant(
    pool: Pool, store: PostgresEventStore, tenant: str
):
    """Row-level security is the second line of defence: what a statement must not see, it doesn't ask for either."""
    user, stranger = registered(tenant), neighbour_of(tenant)
    store.append(append(tenant, user, idempotency=[answer("k")]))
    store.save_snapshot(tenant, user.aggregate_id, Snapshot(1, 2, 1, {}))
    with pool.cursor() as cursor:
        for table in ("domain_events", "snapshots", "idempotency_keys"):
            cursor.execute(f"ALTER TABLE write_schema.{table} DISABLE ROW LEVEL SECURITY")
    store.append(append(stranger, tenant_created(stranger)))

    assert [event.tenant_id for event in store.backwards(stranger, None, 50).events] == [stranger]
    assert store.backwards(stranger, None, 50, user.aggregate_id).events == []
    assert store.histories(stranger, {user.aggregate_id: 1})[user.aggregate_id] == History(None, [])
    assert store.answered(stranger, ["k"]) == {}
    assert len(store.backwards(tenant, None, 50, user.aggregate_id).events) == 1


def neighbour_of(tenant_id: str) -> str:
    """Return the id of another tenant on the same shard."""
    return next(id for id in iter(lambda: str(uuid4()), "") if shard_of(id) == shard_of(tenant_id))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE write_schema.domain_events SET payload = '{}'",
        "DELETE FROM write_schema.domain_events",
        "TRUNCATE write_schema.domain_events",
    ],
)
def test_the_log_can_not_be_changed(pool: Pool, store: PostgresEventStore, tenant: str, statement: str):
    with pytest.raises(psycopg2.errors.RestrictViolation), pool.cursor() as cursor:
        cursor.execute(statement)

    assert store.read(shard_of(tenant), 0, 1)[0].payload["name"] == "Acme"


def kill_connections(pool: Pool) -> None:
    with pool.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_broken_connections_in_the_pool_cost_no_command(database_url: str, pool: Pool, store, tenant: str):
    user = registered(tenant)
    store.append(append(tenant, user))
    other = Pool(database_url)
    kill_connections(other)
    store.append(append(tenant, renamed(user.aggregate_id, 2)))
    kill_connections(other)

    assert len(store.histories(tenant, {user.aggregate_id: 1})[user.aggregate_id].events) == 2
    kill_connections(other)
    store.save_snapshot(tenant, user.aggregate_id, Snapshot(2, 3, 1, {}))
    assert store.histories(tenant, {user.aggregate_id: 1})[user.aggregate_id].snapshot == Snapshot(2, 3, 1, {})
    other.close()


class AnswerLost(PostgresEventStore):
    """Carries out the append, and loses the connection before the answer arrives."""

    lost = False

    def _append(self, append):
        position = super()._append(append)
        if not self.lost:
            self.lost = True
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        return position


class RequestLost(PostgresEventStore):
    """Loses the connection before the append arrives."""

    lost = False

    def _append(self, append):
        if not self.lost:
            self.lost = True
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        return super()._append(append)


@pytest.mark.parametrize("store_class", [AnswerLost, RequestLost])
def test_an_append_whose_answer_is_lost_is_done_once(pool: Pool, store, tenant: str, store_class):
    user = registered(tenant)

    position = store_class(pool).append(append(tenant, user))

    assert store.head(position.shard) == position.offset == 2
    assert store.read(position.shard, 1, 1)[0].event_id == user.event_id


class StillAtItsCommit(PostgresEventStore):
    """Loses the connection while the server is still at the commit: only the second attempt comes after it."""

    attempts = 0

    def _append(self, append):
        self.attempts += 1
        if self.attempts == 1:
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        if self.attempts == 2:
            super()._append(append)
        return super()._append(append)


def test_a_second_attempt_that_meets_the_first_is_not_refused(pool: Pool, store, tenant: str):
    user = registered(tenant)

    position = StillAtItsCommit(pool).append(append(tenant, user))

    assert (position.offset, store.head(position.shard)) == (2, 2)


def test_a_second_attempt_that_is_rightly_refused_says_so(pool: Pool, store, tenant: str):
    store.append(append(tenant, registered(tenant, "ada@example.com")))

    with pytest.raises(EmailTaken):
        RequestLost(pool).append(append(tenant, registered(tenant, "ada@example.com")))


def test_a_server_that_is_not_there_is_unavailable():
    store = PostgresEventStore(Pool("postgresql://nobody@127.0.0.1:1/none"))

    with pytest.raises(Unavailable):
        store.read(0, 0, 1)
    with pytest.raises(Unavailable):
        store.append(append(str(uuid4())))


def test_no_connection_is_left_in_a_transaction(pool: Pool):
    with pytest.raises(psycopg2.errors.UndefinedTable), pool.transaction() as cursor:
        cursor.execute("SELECT * FROM nothing")
    with pytest.raises(psycopg2.errors.DivisionByZero), pool.transaction() as cursor:
        cursor.execute("SELECT 1 / 0")

    with pool.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        )
        assert cursor.fetchone() == (0,)


ISOLATED = ["domain_events", "reservations", "tenant_usage", "idempotency_keys", "snapshots"]


@pytest.fixture
def filled(store: PostgresEventStore, tenant: str) -> str:
    """A tenant with a row in every table."""
    user = registered(tenant)
    store.append(append(tenant, user, idempotency=[answer("k", ordinal=1)]))
    store.save_snapshot(tenant, user.aggregate_id, Snapshot(1, 2, 1, {}))
    return tenant


def rows_seen(pool: Pool, table: str, **session: str) -> int:
    with pool.transaction() as cursor:
        for name, value in session.items():
            cursor.execute("SELECT set_config(%s, %s, true)", (f"app.{name}", value))
        cursor.execute(f"SELECT count(*) FROM write_schema.{table}")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("table", ISOLATED)
def test_a_statement_that_forgets_its_tenant_sees_nothing(pool: Pool, filled: str, table: str):
    assert rows_seen(pool, table) == 0
    assert rows_seen(pool, table, tenant_id="") == 0
    assert rows_seen(pool, table, tenant_id=filled) > 0
    assert rows_seen(pool, table, engine="on") > 0
    # Of another tenant nothing is seen but that its slug is taken.
    assert rows_seen(pool, table, tenant_id=str(uuid4())) == (1 if table == "reservations" else 0)


def test_no_session_writes_events_of_a_tenant_it_does_not_name(pool: Pool, filled: str):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege), pool.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.tenant_id', %s, true);"
            "INSERT INTO write_schema.tenant_usage VALUES (0, %s, 0, 0, 1, 1)",
            (str(uuid4()), filled),
        )


def test_nothing_is_left_of_the_tenant_in_the_session(pool: Pool, store: PostgresEventStore, filled: str):
    store.histories(filled, {filled: 1})

    for table in ISOLATED:
        assert rows_seen(pool, table) == 0


def waited_for(cursor: Any, table: str) -> bool:
    """Whether somebody waits for a lock on *table*."""
    cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass)", (table,))
    return bool(cursor.fetchone()[0])


def test_a_history_is_of_the_moment_in_which_it_was_asked_for(pool: Pool, store: PostgresEventStore, tenant: str):
    # Given a user, and somebody who keeps the snapshots from being read
    user = registered(tenant)
    store.append(append(tenant, user))
    with ThreadPoolExecutor() as threads, pool.transaction() as cursor:
        cursor.execute("LOCK TABLE write_schema.snapshots IN ACCESS EXCLUSIVE MODE")

        # When the history is asked for, and an event happens before its snapshot could be read
        asked = threads.submit(store.histories, tenant, {user.aggregate_id: 1})
        while not waited_for(cursor, "write_schema.snapshots"):
            time.sleep(0.01)
        store.append(append(tenant, renamed(user.aggregate_id, 2)))
        cursor.execute("COMMIT; BEGIN")

        # Then the event is not in it, as it would not have been without the wait
        assert [event.version for event in asked.result()[user.aggregate_id].events] == [1]
