"""The read side on a real database, with events in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Any

import psycopg2
import pytest

from domain.postgres.pool import Pool
from domain.read import engine, queries
from domain.read.engine import ProjectionEngine
from domain.read.fold import fold
from domain.read.memory_rows import MemoryRowStore
from domain.read.projections import PROJECTIONS
from domain.read.queries import Queries
from domain.read.tables import Row
from tests.story import Story

Pools = Callable[[Mapping[str, str]], Pool]


@pytest.fixture
def plain_url(database_url: str) -> Iterator[str]:
    """The URL of the database for one to whom the policies apply, as they don't to a superuser."""
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            if cursor.fetchone() == (False,):
                yield database_url
                return
            role = f"plain_{connection.info.dbname}"
            cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'plain'")
            cursor.execute(f"GRANT USAGE ON SCHEMA read_schema TO {role}")
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA read_schema TO {role}")
            yield f"postgresql://{role}:plain@{database_url.rpartition('@')[2]}"
            cursor.execute(f"DROP OWNED BY {role}")
            cursor.execute(f"DROP ROLE {role}")


@pytest.fixture
def pool(plain_url: str) -> Iterator[Pools]:
    """Makes pools of connections as one who is no superuser."""
    with ExitStack() as stack:

        def make(settings: Mapping[str, str]) -> Pool:
            made = Pool(plain_url, settings=settings)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def engine_pool(pool: Pools) -> Pool:
    return pool(engine.SESSION)


@pytest.fixture
def query_pool(pool: Pools) -> Pool:
    return pool(queries.SESSION)


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def projected(engine_pool: Pool, story: Story) -> Callable[[], None]:
    """Brings the read models up to the end of the story."""
    projection_engine = ProjectionEngine(engine_pool, story, PROJECTIONS)

    def project() -> None:
        for shard in story.heads():
            projection_engine.catch_up(shard, seconds=60)

    return project


@pytest.fixture
def ask(query_pool: Pool, projected: Callable[[], None]) -> Callable[..., Any]:
    """Asks a query by name about the story so far; gives the body, or None."""
    asked = Queries(query_pool)

    def ask(query: str, *values: Any, **named: Any) -> Any:
        projected()
        answer = getattr(asked, query)(*values, **named)
        return None if answer is None else json.loads(answer.body)

    return ask


def rows_in(pool: Pool) -> dict[str, dict[tuple[Any, ...], Row]]:
    """Return all rows of all projections by table and key, as a MemoryRowStore has them."""
    found: dict[str, dict[tuple[Any, ...], Row]] = {}
    with pool.cursor() as cursor:
        for table in (table for projection in PROJECTIONS for table in projection.tables):
            cursor.execute(f"SELECT {', '.join(table.columns)} FROM read_schema.{table.name}")
            rows = [dict(zip(table.columns, row, strict=True)) for row in cursor.fetchall()]
            found[table.name] = {table.key_of(row): row for row in rows}
    return found


def folded_in_memory(story: Story) -> dict[str, dict[tuple[Any, ...], Row]]:
    """Return the rows that folding the whole story gives, one event at a time."""
    store = MemoryRowStore()
    for projection in PROJECTIONS:
        for table in projection.tables:
            store.tables[table.name] = {}
        for shard in story.heads():
            for event in story.events[shard]:
                store.write(fold(projection, [event], store))
    return store.tables
