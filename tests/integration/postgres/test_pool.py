"""Who has a connection of the pool, and what becomes of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import cursor as Cursor
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain.postgres.pool import Pool


@pytest.fixture
def told() -> list[BaseException]:
    """What the pool has told of."""
    return []


@pytest.fixture
def pool(database_url: str, told: list[BaseException]) -> Iterator[Pool]:
    """A pool of one connection."""
    pool = Pool(database_url, size=1, overflow=0, wait=0.1, failed=told.append)
    yield pool
    pool.close()


def in_use(pool: Pool) -> int:
    return pool.fullness()["in_use"]


def session(pool: Pool) -> int:
    with pool.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]  # type: ignore[index]


def test_a_connection_is_lent_for_the_block_and_used_again(pool: Pool, told: list[BaseException]) -> None:
    with pool.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        first = cursor.fetchone()
        assert in_use(pool) == 1

    assert cursor.closed
    assert in_use(pool) == 0
    assert (session(pool),) == first
    assert told == []


def test_an_error_that_leaves_the_session_in_order_leaves_it_open(pool: Pool, told: list[BaseException]) -> None:
    before = session(pool)

    with pytest.raises(psycopg2.errors.UndefinedTable) as raised, pool.cursor() as cursor:
        cursor.execute("SELECT * FROM nothing")

    assert told == [raised.value]
    assert session(pool) == before


def test_a_session_that_is_left_in_a_transaction_is_thrown_away(pool: Pool, told: list[BaseException]) -> None:
    before = session(pool)

    with pytest.raises(psycopg2.errors.UndefinedTable) as raised, pool.cursor() as cursor:
        cursor.execute("BEGIN; SELECT * FROM nothing")

    assert told == [raised.value]
    assert in_use(pool) == 0
    assert session(pool) != before


def test_a_connection_that_is_closed_is_thrown_away(pool: Pool) -> None:
    with pool.cursor() as cursor:
        cursor.connection.close()
    with pytest.raises(psycopg2.InterfaceError), pool.cursor():
        pass

    assert in_use(pool) == 0
    assert session(pool)


def test_a_connection_that_gives_no_cursor_is_given_back(pool: Pool, told: list[BaseException]) -> None:
    class NoCursor(Cursor):
        def __init__(self, *_arguments: Any) -> None:
            raise MemoryError

    with pool.cursor() as lent:
        lent.connection.cursor_factory = NoCursor
    with pytest.raises(MemoryError) as raised, pool.cursor():
        pass

    assert told == [raised.value]
    assert in_use(pool) == 0


def test_who_gets_no_connection_is_told_of(pool: Pool, told: list[BaseException]) -> None:
    with pool.cursor(), pytest.raises(PoolTimeout) as raised, pool.cursor():
        pass

    assert told == [raised.value]
    assert in_use(pool) == 0
