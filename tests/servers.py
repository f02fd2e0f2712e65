"""The PostgreSQL and Valkey that tests run on: those of DATABASE_URL and REDIS_URL, else embedded ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis

from tests.databases import Databases as Databases
from tests.databases import migrate as migrate
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


def emptied(url: str) -> str:
    """Return the *url* of a Valkey, when there is nothing in it any more."""
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


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
