"""PostgreSQL's disk is full: a real one, small enough to be filled."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
import requests

from tests import servers
from tests.e2e.comparison import assert_read_models_are_the_fold
from tests.e2e.fleet import Fleet, bearer, wait_for
from tests.e2e.operator_page import OperatorPage
from tests.e2e.sample import wait_until_caught_up
from workers.launcher.postgres import APPLICATION, EmbeddedPostgres

#: Seconds within which whoever is on call has to see it.
SEEN = 30

MEBIBYTES = 64


class Disk:
    """A file system of its own in memory."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pyairtable-disk-", dir="/var/tmp"))
        options = f"size={MEBIBYTES}m,mode=0711"
        self._mounted = self._run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder))

    def _run(self, *command: str) -> bool:
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            return False

    def __enter__(self) -> Disk:
        if not self._mounted:
            self.folder.rmdir()
            pytest.skip("only one who may mount a disk can fill one")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("umount", "--lazy", str(self.folder))
        self.folder.rmdir()

    def fill(self) -> None:
        with (self.folder / "ballast").open("ab", buffering=0) as ballast:
            for size in (2**20, 4096):
                try:
                    while True:
                        ballast.write(b"\0" * size)
                except OSError:
                    continue

    def empty(self) -> None:
        (self.folder / "ballast").unlink()


@pytest.fixture
def disk() -> Iterator[Disk]:
    with Disk() as disk:
        yield disk


@pytest.fixture
def small_database_url(disk: Disk, tmp_path: Path) -> Iterator[str]:
    """A migrated database on *disk*. The server's log of transactions isn't there: without that it would end."""
    with servers.discarded(EmbeddedPostgres(tmp_path, durable=False)) as server:
        place = disk.folder / "space"
        place.mkdir(mode=0o700)
        server._quarters.give(place)  # type: ignore[union-attr]
        with closing(psycopg2.connect(server.superuser_url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
                cursor.execute(f"CREATE DATABASE small OWNER {APPLICATION} TABLESPACE small")
        servers.migrate(server.url_of("small"))
        yield server.url_of("small")


def user(tenant: str) -> dict[str, str]:
    return {"email": f"{uuid4().hex}@example.com", "first_name": "A" * 90, "last_name": "B" * 90, "tenant_id": tenant}


def test_commands_are_refused_whole_and_all_else_goes_on_until_there_is_room_again(
    disk: Disk, small_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with Fleet(small_database_url, redis_url, tmp_path, METRICS_TOKEN="m") as fleet:
        fleet.start_all()
        url = fleet.urls[0]
        token = fleet.token("super_admin")
        api, root = f"{url}/api/v1", bearer(token)
        page = OperatorPage(url, token)

        body = {"name": "Acme", "slug": "acme", "plan": "enterprise"}
        made = requests.post(f"{api}/tenants", json=body, headers=root, timeout=10)
        tenant = made.json()["id"]
        stored = {tenant: made.headers["Event-Position"]}

        known = requests.post(f"{api}/users", json=user(tenant), headers=root, timeout=10).json()["id"]
        wait_until_caught_up(small_database_url)

        # When the disk fills up under commands
        disk.fill()
        refused = None
        for _ in range(2000):
            body = user(tenant)
            answer = requests.post(f"{api}/users", json=body, headers=root, timeout=10)
            if answer.status_code != 201:
                refused = answer
                break
            stored[answer.json()["id"]] = answer.headers["Event-Position"]

        # Then one that can't be stored is refused, in words, and one that asks is still answered
        assert refused is not None
        assert (refused.status_code, refused.headers["Content-Type"]) == (503, "application/problem+json")
        assert int(refused.headers["Retry-After"]) > 0
        assert requests.get(f"{api}/users/{known}", headers=root, timeout=10).status_code == 200
        # And whoever is on call sees what is wrong
        wait_for(lambda: "PostgreSQL's disk is full" in fleet.reasons(), SEEN, "the health to tell of it")
        assert "PostgreSQL's disk is full" in page()
        metrics = requests.get(f"{url}/metrics", headers=bearer("m"), timeout=10).text
        assert re.search(r'^cqrs_troubles\{trouble="disk_full"\} [1-9]', metrics, re.MULTILINE)

        # When there is room again
        disk.empty()

        # Then the same command is done, nothing was lost, and all is shown
        answer = requests.post(f"{api}/users", json=body, headers=root, timeout=10)
        assert answer.status_code == 201
        stored[answer.json()["id"]] = answer.headers["Event-Position"]
        for id, position in list(stored.items())[-20:]:
            headers = root | {"Min-Position": position, "Prefer": "wait=20"}
            path = "tenants" if id == tenant else "users"
            found = requests.get(f"{api}/{path}/{id}{'/summary' if id == tenant else ''}", headers=headers, timeout=30)
            assert found.status_code == 200, found.text
        wait_until_caught_up(small_database_url)
        assert_read_models_are_the_fold(
            small_database_url, empty=("workspace_projections", "workspace_member_projections")
        )
        assert len({*stored.values()}) == len(stored)
