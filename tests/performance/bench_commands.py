"""What commands cost over HTTP: ``python -m tests.performance.bench_commands``.

The service, with its worker and its clock at work, and turn and turn about what it is compared with: the traditional
application by SQLAlchemy's ORM and by hand-written SQL, and the library eventsourcing behind the same Flask views. All
have the same PostgreSQL, on which commits wait for the disk, the same WSGI server with the same number of processes and
threads, the same users and the same tokens. wrk sends one request at a time, and sixteen.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import requests

from domain.postgres.pool import Pool
from domain.settings import Settings
from tests.e2e.fleet import Fleet, bearer
from tests.performance.applications import serve
from tests.performance.eventsourcing_library import SCHEMA
from tests.performance.library_commands import LibraryCommands
from tests.performance.results import Result, show
from tests.performance.traditional.filling import fill
from tests.performance.world import machinery, world
from tests.performance.wrk import Load, Sent, send
from web.tokens import make_token

#: What is to be reached: commands of the service for each of the other's.
TARGET = 1.0

CLIENTS, TENANTS, USERS = 16, 64, 10

#: What it is compared with → its WSGI application.
OTHERS = {
    "ORM": "tests.performance.traditional.orm_wsgi:app",
    "hand-written SQL": "tests.performance.traditional.sql_wsgi:app",
    "eventsourcing": "tests.performance.library_wsgi:app",
}

#: Which of them the service has to reach, and by how much.
TARGETS = {"ORM": TARGET, "eventsourcing": TARGET}

_REGISTRATION = '{"email": "{n}@example.com", "first_name": "Ada", "last_name": "Lovelace"}'
_CHANGE = '{"last_name": "Lovelace {n}"}'


class Directory:
    """*tenants* with *users* each, all active, made by commands over HTTP, and tokens of their admins."""

    def __init__(self, fleet: Fleet, tenants: int, users: int) -> None:
        self._each = users
        self._url = f"{fleet.urls[0]}/api/v1"
        self._settings = Settings.from_environment(fleet.environment)
        self._http = requests.Session()
        root = self._token("super_admin", None)
        quotas = {"users": 10_000_000, "workspaces": 10_000_000}
        self.tokens: dict[str, str] = {}
        self.users: list[tuple[str, str]] = []
        for number in range(tenants):
            body = {"name": f"Tenant {number}", "slug": f"t-{uuid4().hex[:16]}", "plan": "custom", "quotas": quotas}
            tenant = self._post("/tenants", root, body)["id"]
            self.tokens[tenant] = self._token("admin", tenant)
            self.users += ((tenant, user) for user in self._active_users(tenant))

    def _active_users(self, tenant: str) -> Iterator[str]:
        token = self.tokens[tenant]
        for number in range(self._each):
            body = {"email": f"{number}@example.com", "first_name": "Ada", "last_name": "Lovelace"}
            id = self._post("/users", token, body)["id"]
            self._post(f"/users/{id}/activate", token, None)
            yield id

    def _post(self, path: str, token: str, body: object) -> dict[str, str]:
        answer = self._http.post(self._url + path, json=body, headers=bearer(token))
        answer.raise_for_status()
        found: dict[str, str] = answer.json()
        return found

    def _token(self, role: str, tenant: str | None) -> str:
        user = str(uuid4())
        return make_token(self._settings, user_id=user, tenant_id=tenant, roles={role}, seconds=86_400)

    def registrations(self) -> list[Sent]:
        return [Sent("POST", "/api/v1/users", token, _REGISTRATION) for token in self.tokens.values()]

    def changes(self, users: Sequence[tuple[str, str]]) -> list[Sent]:
        # The n-th users of all tenants come one after the other, so that commands at the same time meet many tenants.
        spread = sorted(users, key=lambda each: users.index(each) % self._each)
        return [Sent("PATCH", f"/api/v1/users/{user}", self.tokens[tenant], _CHANGE) for tenant, user in spread]


class Bench:
    """Sends the same commands to all of *urls*, name by name, again and again, from so many *clients* at a time."""

    def __init__(
        self, urls: dict[str, str], directory: Path, seconds: float, rounds: int, clients: Sequence[int]
    ) -> None:
        self._urls = urls
        self._directory = directory
        self._seconds = seconds
        self._rounds = rounds
        self._clients = clients

    def compare(self, what: str, commands: dict[str, list[Sent]]) -> list[Result]:
        results = []
        for clients in self._clients:
            found: dict[str, list[Load]] = {name: [] for name in self._urls}
            for _ in range(self._rounds):
                for name, loads in found.items():
                    loads.append(self._send(name, commands[name], clients))
            results += _results(f"{what}, {clients} client{'s' if clients > 1 else ''}", found)
        return results

    def _send(self, name: str, commands: list[Sent], clients: int) -> Load:
        url = self._urls[name]
        try:
            load = send(url, commands, connections=clients, seconds=self._seconds, directory=self._directory)
        except RuntimeError as error:
            error.add_note(f"That is {name}, with {clients} clients.")
            raise
        # What is still to be projected is not the next one's to wait for.
        time.sleep(0.5 if self._seconds > 1 else 0)
        return load


def _results(what: str, found: dict[str, list[Load]]) -> list[Result]:
    ours = found["service"]
    beside = {
        name: {
            figure: statistics.median(getattr(load, figure) for load in loads)
            for figure in ("rate", "p50", "p95", "p99")
        }
        for name, loads in found.items()
    }
    return [
        Result(
            f"{what} : {name}",
            beside["service"]["rate"],
            "commands/s",
            statistics.median(mine.rate / its.rate for mine, its in zip(ours, found[name], strict=True)),
            TARGETS.get(name),
            beside=beside,
        )
        for name in OTHERS
    ]


def measure(fleet: Fleet, database_url: str, *, short: bool) -> list[Result]:
    """Measure with a *fleet* that has nothing stored yet."""
    directory = Directory(fleet, 8, 8) if short else Directory(fleet, TENANTS, USERS)
    fill(database_url)
    library_users = list(_registered_with_the_library(database_url, directory))
    with ExitStack() as running:
        others = [running.enter_context(serve(fleet, name, application)) for name, application in OTHERS.items()]
        urls = {"service": fleet.urls[0]} | {other.name: other.url for other in others}
        bench = Bench(urls, fleet.directory, *((1, 1, [CLIENTS]) if short else (2, 3, [1, CLIENTS])))
        registrations, changes = directory.registrations(), directory.changes(directory.users)
        return [
            *bench.compare("INSERT a user", dict.fromkeys(urls, registrations)),
            *bench.compare(
                "UPDATE a user", dict.fromkeys(urls, changes) | {"eventsourcing": directory.changes(library_users)}
            ),
        ]


def _registered_with_the_library(database_url: str, directory: Directory) -> Iterator[tuple[str, str]]:
    pool = Pool(database_url)
    with pool.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    pool.close()
    commands = LibraryCommands(database_url)
    for tenant, _ in directory.users:
        fields = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}
        user = commands.register_user(tenant, fields).id
        commands.activate_user(user)
        yield tenant, user
    commands.close()


def run(*, short: bool = False) -> list[Result]:
    """Measure on servers of our own, where commits wait for the disk."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with machinery(directory) as servers, world(servers, directory, "commands") as ours:
            ours.fleet.start_all()
            return measure(ours.fleet, ours.database_url, short=short)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="only see that it works")
    short = parser.parse_args().short
    results = run(short=short)
    for each in results:
        if each.name.endswith("ORM"):
            print(each.name.removesuffix(" : ORM"))
            for name, load in each.beside.items():
                print(f"  {name:18} " + "  ".join(f"{figure} {value:8,.1f}" for figure, value in load.items()))
    missed = show(results)
    return 0 if short else missed


if __name__ == "__main__":
    sys.exit(main())
