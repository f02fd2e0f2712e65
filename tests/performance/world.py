"""Servers, the service and its data, for a measurement to begin with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from domain.settings import Settings
from tests import servers
from tests.e2e.fleet import Fleet
from tests.performance.applications import Application
from workers.launcher.postgres import EmbeddedPostgres
from workers.launcher.valkey import EmbeddedValkey

#: How many processes serve each application, as the Procfile has it.
WEB = "2"


@dataclass(frozen=True)
class Machinery:
    """The servers: those of DATABASE_URL and REDIS_URL, else our own, on which commits wait for the disk.

    ``pids`` are those of our own, whose work can be counted. Only with our own there are ``statistics`` of statements.
    """

    postgres: str
    redis: str
    pids: tuple[int, ...] = ()
    statistics: str | None = None


@contextmanager
def machinery(directory: Path) -> Iterator[Machinery]:
    with ExitStack() as running:
        postgres, redis = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
        pids: list[int] = []
        statistics = None
        if postgres is None:
            server = running.enter_context(servers.discarded(EmbeddedPostgres(directory / "postgres", durable=True)))
            postgres, statistics = server.url, server.superuser_url
            _superuser(statistics, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
            server.stop()
            server.start()
            assert server.process is not None
            pids.append(server.process.pid)
        if redis is None:
            valkey = running.enter_context(servers.discarded(EmbeddedValkey(directory / "valkey", durable=False)))
            redis = valkey.url
            assert valkey.process is not None
            pids.append(valkey.process.pid)
        yield Machinery(postgres, redis, tuple(pids), statistics)


def _superuser(url: str, *statements: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


@dataclass
class World:
    """The running service over a database of its own, and the machinery below it."""

    machinery: Machinery
    database_url: str
    fleet: Fleet
    directory: Path
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        self.settings = Settings.from_environment(self.fleet.environment)

    @property
    def service(self) -> Application:
        """The service as it runs in production: web, worker and clock."""
        pids = tuple(process.pid for group in self.fleet.running.values() for process in group)
        return Application("service", self.fleet.urls[0], pids)

    @property
    def helpers(self) -> tuple[int, ...]:
        """The service's processes that are not web."""
        return tuple(each.pid for kind in ("worker", "clock") for each in self.fleet.running.get(kind, ()))


@contextmanager
def world(machinery: Machinery, directory: Path, name: str, database: int = 0, **settings: str) -> Iterator[World]:
    """Start the service, empty, over a new database, and over the Redis database of that number of our own Redis.

    *settings* are the service's, beside those that all measurements need.
    """
    logs = directory / name
    logs.mkdir()
    redis = machinery.redis if len(machinery.pids) < 2 else f"{machinery.redis.rpartition('/')[0]}/{database}"
    databases = servers.Databases(machinery.postgres)
    with databases.empty() as url:
        servers.migrate(url)
        # A limit is for attackers; here one machine sends what a thousand clients would.
        limits = {"RATE_LIMIT_PER_PRINCIPAL": "100000000/minute", "RATE_LIMIT_PER_ADDRESS": "100000000/minute"}
        with Fleet(url, redis, logs, WEB_CONCURRENCY=WEB, LOG_LEVEL="info", **limits, **settings) as fleet:
            yield World(machinery, url, fleet, logs)
    databases.close()
