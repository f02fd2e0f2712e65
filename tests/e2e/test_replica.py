"""Commands on one server, read models on another, and queries on a streaming replica of that."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import pytest
import requests

from domain.model.position import Position
from tests import servers
from tests.e2e.fleet import ROOT, Fleet, bearer, wait_for
from tests.e2e.tls import Standby, TlsPostgres, TlsRedis, place
from workers.launcher.procfile import shell


class Deployed(NamedTuple):
    """A running fleet, and where its data are."""

    fleet: Fleet
    write: str
    read: str
    standby: Standby
    replica: str


@pytest.fixture
def deployed(tls_postgres: TlsPostgres, tls_redis: TlsRedis, tmp_path: Path) -> Iterator[Deployed]:
    with (
        servers.Databases(tls_postgres.url).empty() as write,
        servers.discarded(TlsPostgres(place(), durable=False)) as primary,
        servers.discarded(Standby(place(), primary)) as standby,
    ):
        urls = {"READ_DATABASE_URL": primary.url, "READ_REPLICA_URL": standby.url, "REDIS_TLS_VERIFY": "off"}
        with Fleet(write, tls_redis.url, tmp_path, **urls) as fleet:
            subprocess.run(shell(fleet.commands["release"]), env=fleet.environment, cwd=ROOT, check=True, timeout=60)
            wait_for(lambda: schemas(standby.url), 10, "the schema to arrive at the replica")
            yield Deployed(fleet.start_all(clock=0), write, primary.url, standby, standby.url)


def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def schemas(url: str) -> set[str]:
    return {each for (each,) in rows(url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%\\_schema'")} - {
        "information_schema"
    }


def sessions(url: str) -> set[str]:
    return {each for (each,) in rows(url, "SELECT application_name FROM pg_stat_activity WHERE datname IS NOT NULL")}


class Directory:
    """A tenant with a user, over HTTP."""

    def __init__(self, fleet: Fleet) -> None:
        self.url = f"{fleet.urls[0]}/api/v1"
        self._root = bearer(fleet.token("super_admin"))
        self.tenant = self.command("POST", "/tenants", {"name": "Acme", "slug": "acme", "plan": "free"})["id"]
        registered = self.register("ada")
        self.user = registered["id"]
        self.position = self.command("POST", f"/users/{self.user}/activate", {})["position"]

    def command(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = requests.request(method, f"{self.url}{path}", json=body, headers=self._root, timeout=10)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def register(self, name: str) -> dict[str, Any]:
        body = {"tenant_id": self.tenant, "email": f"{name}@example.com", "first_name": name, "last_name": "L"}
        return self.command("POST", "/users", body)

    def ask(self, user: str, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(f"{self.url}/users/{user}", headers=self._root | named, timeout=10)


def offset(position: str) -> int:
    return Position.parse(position).offset


def test_a_position_is_true_on_a_replica_that_lags_and_the_cache_keeps_nothing_older_for_newer(
    deployed: Deployed,
) -> None:
    directory = Directory(deployed.fleet)
    shown = directory.ask(directory.user, Min_Position=directory.position)
    assert (shown.status_code, shown.json()["first_name"]) == (200, "ada")

    # Given that each part is on the server that is meant for it
    assert schemas(deployed.write) == {"write_schema"}
    assert schemas(deployed.read) == schemas(deployed.replica) == {"read_schema"}
    assert "cqrs queries" in sessions(deployed.replica)
    assert not {"cqrs queries", "cqrs commands"} & sessions(deployed.read)

    # When the replica stands still while a user is renamed and another one is registered
    deployed.standby.pause()
    renamed = directory.command("PATCH", f"/users/{directory.user}", {"first_name": "Augusta"})["position"]
    new = directory.register("new")
    _wait_until_applied(deployed.read, offset(new["position"]))

    # Then whoever asks for what it has not got is told so
    late = directory.ask(directory.user, Min_Position=renamed, Prefer="wait=1")
    assert (late.status_code, late.json()["code"]) == (503, "not_caught_up")
    assert "Retry-After" in late.headers

    # And everybody else gets what it has, with the position at which that was true, however often it is asked
    for _ in range(3):
        older = directory.ask(directory.user)
        assert (older.status_code, older.json()["first_name"]) == (200, "ada")
        assert offset(older.headers["Event-Position"]) < offset(renamed)
        assert directory.ask(new["id"]).status_code == 404
    directory.command("POST", "/admin/cqrs/cache/invalidate", {"tenant_id": directory.tenant})
    assert offset(directory.ask(directory.user).headers["Event-Position"]) < offset(renamed)

    # And what was asked meanwhile does not outlive it
    deployed.standby.go_on()
    assert directory.ask(directory.user, Min_Position=renamed).json()["first_name"] == "Augusta"
    assert directory.ask(directory.user).json()["first_name"] == "Augusta"
    assert directory.ask(new["id"], Min_Position=new["position"]).status_code == 200
    assert directory.ask(new["id"]).status_code == 200


def _wait_until_applied(url: str, offset: int) -> None:
    applied = "SELECT min(position) FROM read_schema.projection_checkpoints WHERE position > 0"
    wait_for(lambda: (rows(url, applied)[0][0] or 0) >= offset, 10, "the worker")
