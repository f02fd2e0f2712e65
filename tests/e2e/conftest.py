"""Servers as a platform has them: Debian's, with TLS, and not ours to configure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.e2e.tls import TlsPostgres, TlsRedis, place


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder, so that it can be left out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("e2e")


@pytest.fixture(scope="session")
def tls_postgres() -> Iterator[TlsPostgres]:
    """A PostgreSQL that lets nobody in without TLS."""
    with servers.discarded(TlsPostgres(place(), durable=False)) as server:
        yield server


@pytest.fixture(scope="session")
def tls_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsRedis]:
    """A Redis that has no port without TLS, and a certificate that it has signed itself."""
    with servers.discarded(TlsRedis(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture(scope="session")
def _tls_databases(tls_postgres: TlsPostgres) -> Iterator[servers.Databases]:
    databases = servers.Databases(tls_postgres.url)
    yield databases
    databases.close()


@pytest.fixture
def tls_database_url(_tls_databases: servers.Databases) -> Iterator[str]:
    """The URL of a migrated database of the test's own, reached by TLS alone."""
    with _tls_databases.migrated() as url:
        yield url
