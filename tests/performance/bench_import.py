"""What an import costs: ``python -m tests.performance.bench_import``.

Ten thousand users are sent to the import endpoint, with worker and clock at work, and given to the command bus in this
process; turn and turn about one COPY brings as many, whose rows are ready, into a table like the read model's. All are
on the same PostgreSQL, on which commits wait for the disk.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import orjson
import requests

from domain.bootstrap import COMMAND_SESSION
from domain.garbage import collect_rarely
from domain.model.actor import Actor
from domain.model.claims import Quotas
from domain.model.tenants.commands import CreateTenant
from domain.model.users.commands import RegisterUser
from domain.postgres.pool import Pool
from domain.read.rebuild.ddl import copy_indexes, copy_table
from domain.settings import Settings
from domain.write.command_bus import CommandBus
from domain.write.outcome import Metadata, Outcome
from domain.write.postgres_store import PostgresEventStore
from tests.e2e.fleet import Fleet, bearer
from tests.performance.results import Result, show
from tests.performance.world import machinery, world
from web.tokens import make_token
from web.users.importing import CHUNK, LINES

#: What is to be reached: users imported for each of COPY's.
TARGET = 0.2

_ROOT = Actor(id="root", tenant_id=None, roles=frozenset({"super_admin", "user"}))
_ROW = (
    "{tenant}\t{id}\t{id}@example.com\tAda\tLovelace\tAda Lovelace\t\\N\tUTC\ten\tpending\t{{user}}\t\\N\t"
    "{at}\t{at}\t{n}\t1\n"
)


class Bench:
    """Brings users into one tenant, in three ways."""

    def __init__(self, fleet: Fleet, database_url: str, users: int) -> None:
        self._fleet = fleet
        self._pool = Pool(database_url, settings=COMMAND_SESSION)
        self._bus = CommandBus(PostgresEventStore(self._pool))
        self._users = users
        self._tenant = str(uuid4())
        self._metadata = Metadata(correlation_id=str(uuid4()))
        quotas = Quotas(users=10_000_000, workspaces=1)
        create = CreateTenant(
            tenant_id=self._tenant, actor=_ROOT, name="Acme", slug=f"t-{uuid4().hex[:16]}", plan="custom", quotas=quotas
        )
        self._bus.execute(create, metadata=self._metadata)
        with self._pool.cursor() as cursor:
            cursor.execute("CREATE SCHEMA bench_copy")
            copy_table(cursor, "user_projections", "bench_copy")
            copy_indexes(cursor, "user_projections", "bench_copy")
            # A COPY into a table with row-level security is refused.
            cursor.execute("ALTER TABLE bench_copy.user_projections DISABLE ROW LEVEL SECURITY")

    def over_http(self) -> float:
        """Users in a second by the import endpoint."""
        settings = Settings.from_environment(self._fleet.environment)
        token = make_token(settings, user_id=str(uuid4()), tenant_id=self._tenant, roles={"admin"}, seconds=3600)
        person = {"first_name": "Ada", "last_name": "Lovelace"}
        people = [{"email": f"{uuid4()}@example.com", **person} for _ in range(self._users)]
        body = b"\n".join(map(orjson.dumps, people))
        headers = bearer(token) | {"Content-Type": "application/x-ndjson"}

        def send() -> None:
            answer = requests.post(f"{self._fleet.urls[0]}/api/v1/users/import", body, headers=headers, timeout=120)
            assert answer.text.count('"status": 201') == self._users, answer.text[:500]

        return self._rate(send)

    def by_the_bus(self) -> float:
        """Users in a second by the command bus, as the endpoint calls it."""
        commands = [
            RegisterUser(
                tenant_id=self._tenant, actor=_ROOT, user_id=str(uuid4()), email=f"{uuid4()}@example.com",
                first_name="Ada", last_name="Lovelace",
            )
            for _ in range(self._users)
        ]  # fmt: skip

        def register() -> None:
            for first in range(0, len(commands), CHUNK):
                results = self._bus.register_users(commands[first : first + CHUNK], metadata=self._metadata)
                assert all(isinstance(each, Outcome) for each in results), results[0]

        return self._rate(register)

    def by_copy(self) -> float:
        """Users in a second by one COPY of rows that are ready."""
        at = "2026-01-01 00:00:00Z"
        rows = "".join(_ROW.format(tenant=self._tenant, id=uuid4(), at=at, n=n) for n in range(self._users))

        def copy() -> None:
            with self._pool.cursor() as cursor:
                cursor.copy_expert("COPY bench_copy.user_projections FROM STDIN", io.StringIO(rows))

        return self._rate(copy)

    def _rate(self, act: Callable[[], None]) -> float:
        begun = time.perf_counter()
        act()
        return self._users / (time.perf_counter() - begun)

    def close(self) -> None:
        self._pool.close()


def measure(fleet: Fleet, database_url: str, users: int, rounds: int) -> list[Result]:
    """Compare the three with a *fleet* that runs."""
    # As the web process does that calls the bus.
    collect_rarely()
    bench = Bench(fleet, database_url, users)
    rates = []
    for _ in range(rounds):
        rates.append((bench.over_http(), bench.by_the_bus(), bench.by_copy()))
        # What is still to be projected is not the next one's to wait for.
        time.sleep(1 if rounds > 1 else 0)
    bench.close()
    http, bus, copy = (list(each) for each in zip(*rates, strict=True))
    return [
        Result(
            f"{name} : one COPY of the same users",
            statistics.median(ours),
            "users/s",
            statistics.median(mine / its for mine, its in zip(ours, copy, strict=True)),
            TARGET,
            beside={"COPY": statistics.median(copy), "rounds": rates},
        )
        for name, ours in (("import endpoint", http), ("register_users", bus))
    ]


def run(*, short: bool = False) -> list[Result]:
    """Measure on servers of our own, where commits wait for the disk."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with machinery(directory) as servers, world(servers, directory, "import") as ours:
            ours.fleet.start_all()
            return measure(ours.fleet, ours.database_url, *((1000, 1) if short else (LINES, 5)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="only see that it works")
    short = parser.parse_args().short
    missed = show(run(short=short))
    return 0 if short else missed


if __name__ == "__main__":
    sys.exit(main())
