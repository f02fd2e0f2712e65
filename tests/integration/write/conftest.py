"""Event stores of both kinds, so that one suite tells what either has to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.postgres.pool import Pool
from domain.write.event_store import EventStore
from domain.write.memory_store import MemoryEventStore
from domain.write.postgres_store import PostgresEventStore


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    pool = Pool(database_url, size=20)
    yield pool
    pool.close()


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> EventStore:
    if request.param == "memory":
        return MemoryEventStore()
    return PostgresEventStore(request.getfixturevalue("pool"))
