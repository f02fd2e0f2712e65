"""The PostgreSQL and Valkey that tests run on: those of DATABASE_URL and REDIS_URL, else embedded ones."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
import redis
from psycopg2 import sql

from workers.launcher.binaries import NotInstalled
from workers.launcher.postgres import EmbeddedPostgres
from workers.launcher.server import EmbeddedServer
from workers.launcher.valkey import EmbeddedValkey

Server = TypeVar("Server", bound=EmbeddedServer)


@contextmanager
def postgres(directory: Path) -> Iterator[str]:
    """Give the URL of a PostgreSQL for this run of the tests."""
    external = os.environ.get("DATABASE_URL")
    if external:
        yield external
        return
    with _or_skip(), discarded(EmbeddedPostgres(directory, durable=False)) as server:
        yield server.url


@contextmanager
def valkey(directory: Path) -> Iterator[str]:
    """Give the URL of a logical database on a Valkey or Redis that is this process's alone for the run of the tests."""
    external = os.environ.get("REDIS_URL")
    if not external:
        with _or_skip(), discarded(EmbeddedValkey(directory, durable=False)) as server:
            yield server.url
    elif urlsplit(external).path.strip("/"):
        yield external
    else:
        with _claimed_database(external) as url:
            yield url


@contextmanager
def discarded(server: Server) -> Iterator[Server]:
    """Run *server*, and delete its data afterwards: pytest keeps its folders for a while, and the disk would fill."""
    try:
        yield server.start()
    finally:
        server.discard()


@contextmanager
def _or_skip() -> Iterator[None]:
    """A missing server fails the tests in CI and skips them on a laptop."""
    try:
        yield
    except NotInstalled as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@contextmanager
def _claimed_database(server: str) -> Iterator[str]:
    """Claim one of the logical databases 1 to 15, by a key in database 0."""
    with redis.Redis.from_url(server) as client:
        for number in range(1, 16):
            claim = f"pytest:database:{number}"
            if client.set(claim, os.getpid(), nx=True, ex=7200):
                try:
                    yield urlunsplit(urlsplit(server)._replace(path=f"/{number}"))
                finally:
                    client.delete(claim)
                return
    raise RuntimeError("All logical databases of REDIS_URL are in use by other runs of the tests.")


class Databases:
    """Makes databases on one server in a few tens of milliseconds each, by cloning a migrated template."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._template: str | None = None

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """Give the URL of a new database with the schema in it, and drop it afterwards, connections or not."""
        if self._template is None:
            self._template = self._create("template1")
            migrate(self._url(self._template))
        with self._database(self._template) as url:
            yield url

    @contextmanager
    def empty(self) -> Iterator[str]:
        """Give the URL of a new database with nothing in it, and drop it afterwards, connections or not."""
        with self._database("template1") as url:
            yield url

    def close(self) -> None:
        if self._template is not None:
            self._drop(self._template)

    @contextmanager
    def _database(self, template: str) -> Iterator[str]:
        name = self._create(template)
        try:
            yield self._url(name)
        finally:
            self._drop(name)

    def _create(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def _drop(self, name: str) -> None:
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _url(self, name: str) -> str:
        return urlunsplit(urlsplit(self._server)._replace(path=f"/{name}"))

    def _execute(self, statement: sql.Composed) -> None:
        connection = psycopg2.connect(self._server)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


def migrate(url: str) -> None:
    """Run the migrations of both schemas on the database at *url*, as a deployment would."""
    if find_spec("migrations.__main__") is None:
        return
    environment = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
    done = subprocess.run(
        [sys.executable, "-m", "migrations", "upgrade"],
        env=environment | {"DATABASE_URL": url},
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"The migrations failed:\n{done.stdout}{done.stderr}")
