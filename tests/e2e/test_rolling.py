"""A release that takes the place of the one before it, while clients go on."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
import requests

from tests.e2e.fleet import ROOT, Fleet, ready, signal_group, wait_for
from tests.e2e.router import RestingClient
from tests.e2e.tls import TlsRedis
from tests.faults import record
from tests.faults.clients import Load
from tests.faults.outcome import assert_nothing_is_lost_or_doubled
from workers.launcher.procfile import shell

#: What the platform lets a process take, and after which granian and Dramatiq, sooner than that, kill their children.
#: Granian also says that it does when a child is just about to be gone, so that its words prove nothing.
DRAIN, KILLED = 30.0, 20.0

#: A later release's migration of each side: what is added to the tables that are used most.
_NEXT = {
    "write": "ALTER TABLE write_schema.domain_events ADD COLUMN next text NOT NULL DEFAULT 'none'",
    "read": "ALTER TABLE read_schema.user_projections ADD COLUMN next text NOT NULL DEFAULT 'none'",
}

_MIGRATION = """
from alembic import op

revision = "9999"
down_revision = {last!r}
branch_labels = depends_on = None


def upgrade() -> None:
    op.execute({statement!r})
"""


@pytest.fixture
def fleet(tls_database_url: str, tls_redis: TlsRedis, tmp_path: Path) -> Iterator[Fleet]:
    record.begin(tls_database_url)
    with Fleet(tls_database_url, tls_redis.url, tmp_path, REDIS_TLS_VERIFY="off") as fleet:
        yield fleet.start_all(web=2)


def test_a_release_under_load_costs_no_request_and_no_command(
    fleet: Fleet, tls_database_url: str, tmp_path: Path
) -> None:
    with Load(fleet, clients=2, kind=RestingClient) as load:
        # Given clients that take nothing but success, when the next release's migrations run beside this release
        _migrate_to_the_next_release(fleet, tmp_path / "next")
        # And its processes come up, and then those of this release are asked to stop, one after the other
        ends = _replace_all(fleet, load.clients[0].headers)

    # Then nobody has noticed
    assert load.faults == []
    assert all(client.queries > 10 for client in load.clients)  # type: ignore[attr-defined]
    assert_nothing_is_lost_or_doubled(tls_database_url, load.answers, len(load.clients))
    # And all have ended by themselves
    assert max(ends) < KILLED
    print(f"{len(load.answers)} commands, ends after {[round(each, 1) for each in ends]} s")


@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_a_web_process_that_is_stopped_while_it_starts_ends_at_once(tmp_path: Path, pause: float) -> None:
    # Given a process whose workers are there, and have not begun to serve
    with Fleet("postgresql://h/d", "redis://h", tmp_path, WEB_CONCURRENCY="2") as fleet:
        process = fleet.start("web")
        wait_for(lambda: fleet.logs().count("Spawning worker") == 2, 30, "the workers")
        time.sleep(pause)

        assert _end(process) < KILLED
        assert process.returncode is not None


def _migrate_to_the_next_release(fleet: Fleet, folder: Path) -> None:
    shutil.copytree(ROOT / "migrations", folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    for side, statement in _NEXT.items():
        versions = folder / "migrations" / side / "versions"
        last = max(file.stem.partition("_")[0] for file in versions.glob("[0-9]*.py"))
        (versions / "9999_next.py").write_text(_MIGRATION.format(last=last, statement=statement))
    released = subprocess.run(
        shell(fleet.commands["release"]),
        env=fleet.environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert released.returncode == 0, released.stderr
    for url in fleet.urls:
        assert requests.get(f"{url}/health/ready", timeout=10).status_code == 200


def _replace_all(fleet: Fleet, headers: dict[str, str]) -> list[float]:
    """Replace each process by another one. Return how many seconds the former ones took to end.

    With *headers* a super_admin sends commands.
    """
    former = {kind: list(processes) for kind, processes in fleet.running.items()}
    urls = list(fleet.urls)
    for kind, processes in former.items():
        for _ in processes:
            fleet.start(kind)
    for url in fleet.urls:
        wait_for(lambda url=url: ready(url), 60, f"{url} to be ready")
    wait_for(lambda: _said(fleet, "worker", "The worker is ready.") == 2, 60, "the new worker")

    ends = [_end(process) for process in former["worker"]]
    for url, process in zip(urls, former["web"], strict=True):
        # From here on the router has no more for it. What it has is still under way, and a moment passes.
        fleet.urls.remove(url)
        slow = Slow(url, headers)
        time.sleep(0.5)
        ends.append(_end(process, slow))
    # The other clock stands by until now.
    assert _said(fleet, "clock", "The clock leads.") == 1
    ends += [_end(process) for process in former["clock"]]
    wait_for(lambda: _said(fleet, "clock", "The clock leads.") == 2, 10, "the other clock to lead")
    return ends


def _said(fleet: Fleet, kind: str, words: str) -> int:
    return sum(file.read_text().count(words) for file in fleet.directory.glob(f"{kind}-*.log"))


def _end(process: subprocess.Popen[bytes], slow: Slow | None = None) -> float:
    """Ask the whole group to stop, more than once, as the platform may. Return the seconds it took.

    A *slow* command that began before is carried out.
    """
    began = time.monotonic()
    for _ in range(3):
        signal_group(process, signal.SIGTERM)
        time.sleep(0.15)
    if slow is not None:
        assert slow.finish() == 201
    process.wait(DRAIN)
    return time.monotonic() - began


class Slow:
    """A command whose second half is still on its way."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        slug = f"slow-{url.rpartition(':')[2]}"
        self._body = json.dumps({"name": "Slow", "slug": slug, "plan": "free"}).encode()
        self._connection = HTTPConnection(url.removeprefix("http://"), timeout=10)
        self._connection.putrequest("POST", "/api/v1/tenants")
        more = {"Content-Type": "application/json", "Content-Length": str(len(self._body))}
        for name, value in (headers | more).items():
            self._connection.putheader(name, value)
        self._connection.endheaders()
        self._connection.send(self._body[:10])

    def finish(self) -> int:
        """Send the rest; return the answer's status."""
        self._connection.send(self._body[10:])
        status = self._connection.getresponse().status
        self._connection.close()
        return status
