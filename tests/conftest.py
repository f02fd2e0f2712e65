"""Real servers for all tests, started once for a run and only when a test asks for them."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest
import structlog
from werkzeug.routing.rules import Rule

from domain import logs
from domain.cache import guard, loading
from tests import servers
from web import asking
from workers.launcher.postgres import EmbeddedPostgres
from workers.launcher.valkey import EmbeddedValkey


@pytest.fixture(scope="session", autouse=True)
def _applications_are_made_fast() -> Iterator[None]:
    """Most tests make an application of their own, and took longer over that than over what they try.

    Werkzeug compiles a function for each route, which depends on nothing but the route; and what all tests have in
    common is looked through for garbage again and again.
    """
    compiled, compile_builder = {}, Rule._compile_builder

    def once(rule: Rule, append_unknown: bool = True):
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Rule, "_compile_builder", once)
        yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Databases]:
    with servers.postgres(tmp_path_factory.mktemp("postgres")) as url:
        databases = servers.Databases(url)
        yield databases
        databases.close()


@pytest.fixture(scope="session")
def _redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def database_url(databases: servers.Databases) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database of the test's own."""
    with databases.migrated() as url:
        yield url


@pytest.fixture
def empty_database_url(databases: servers.Databases) -> Iterator[str]:
    """The URL of a PostgreSQL database of the test's own on which no migration has run."""
    with databases.empty() as url:
        yield url


@pytest.fixture
def redis_url(_redis_url: str) -> str:
    """The URL of an empty Valkey database that no other process uses."""
    return servers.emptied(_redis_url)


@pytest.fixture
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server of the test's own, migrated, to be killed, frozen and restarted at will."""
    with servers.discarded(EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False)) as server:
        servers.migrate(server.url)
        yield server


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A Valkey server of the test's own, to be killed, frozen and restarted at will. It keeps its data."""
    with servers.discarded(EmbeddedValkey(tmp_path_factory.mktemp("valkey"))) as server:
        yield server


@pytest.fixture
def logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever the test configures, records go afterwards where pytest finds them."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(logs, "_writer", None)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that runs all tests at once is slower than any server, and only some tests are about a slow one."""
    monkeypatch.setattr(asking, "PATIENCE", 10.0)
    monkeypatch.setattr(guard, "SLOW", 10.0)
    monkeypatch.setattr(loading, "SLOW", 10.0)
