"""Event stores of both kinds, so that one suite tells what either has to do."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from domain.postgres.pool import Pool
from domain.write.event_store import EventStore
from domain.write.memory_store import MemoryEventStore
from domain.write.postgres_store import PostgresEventStore
from tests.integration.write.appends import append, tenant_created
from tests.integration.write.directory import Directory


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


@pytest.fixture
def acme(store: EventStore) -> Directory:
    return Directory(store)


@pytest.fixture
def tenant(store: EventStore) -> str:
    """A tenant with room for 5 users and 3 workspaces."""
    tenant_id = str(uuid4())
    store.append(append(tenant_id, tenant_created(tenant_id)))
    return tenant_id
