"""Worker and clock as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
import redis

from domain.bootstrap import Container, bootstrap
from domain.model.actor import Actor
from domain.model.position import Position
from domain.model.tenants.commands import CreateTenant
from domain.model.users.commands import RegisterUser
from domain.settings import Settings
from domain.write.outcome import Metadata
from tests.stopwatch import Stopwatch
from workers.hints import HintSender
from workers.launcher.spawn import spawn
from workers.launcher.valkey import EmbeddedValkey

ROOT = Path(__file__).parents[3]
WORKER = [sys.executable, "-m", "dramatiq", "workers.actors", "--processes", "1", "--threads", "4", "--skip-logging"]
CLOCK = [sys.executable, "-m", "workers.clock"]
EVERYTHING = ("users", "workspaces", "tenant_summaries")
ROOT_ACTOR = Actor(str(uuid4()), None, frozenset({"super_admin"}))


class Process:
    """A running program, whose log can be read while it runs."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = spawn(command, environment=environment, directory=ROOT, output=output)

    def says(self, event: str) -> bool:
        return any(line["event"].startswith(event) for line in self.lines())

    def lines(self) -> list[dict[str, Any]]:
        """The log so far. Every line of it has to be JSON."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(30)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


Start = Callable[[list[str]], Process]


@contextmanager
def service(database_url: str, redis_url: str, folder: Path) -> Iterator[tuple[Container, Start]]:
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "JWT_SECRET": "a-secret-of-the-tests-that-is-long-enough",
        "LOG_FORMAT": "json",
    }
    settings = Settings.from_environment(environment)
    with ExitStack() as stack:
        hints = HintSender(redis_url)
        stack.callback(hints.close)
        container = bootstrap(settings, hints.on_appended)
        stack.callback(container.close)

        def start(command: list[str]) -> Process:
            inherited = {name: value for name, value in os.environ.items() if not name.startswith("READ_")}
            process = Process(command, {**inherited, **environment}, folder / f"{uuid4()}.log")
            stack.callback(process.kill)
            return process

        yield container, start


@pytest.fixture
def running(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[tuple[Container, Start]]:
    with service(database_url, redis_url, tmp_path) as parts:
        yield parts


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def create_tenant(container: Container) -> str:
    tenant = str(uuid4())
    command = CreateTenant(tenant_id=tenant, actor=ROOT_ACTOR, name="Acme", slug=tenant[:13], plan="enterprise")
    container.command_bus.execute(command, metadata=Metadata(correlation_id="test"))
    return tenant


def register(container: Container, tenant: str) -> Position:
    id = str(uuid4())
    command = RegisterUser(
        tenant_id=tenant,
        actor=ROOT_ACTOR,
        user_id=id,
        email=f"{id}@example.com",
        first_name="Ada",
        last_name="Lovelace",
    )
    return container.command_bus.execute(command, metadata=Metadata(correlation_id="test")).position


def total_users(container: Container, tenant: str) -> int:
    summary = container.queries.read("tenant_summary", tenant).body
    return int(json.loads(summary)["total_users"]) if summary else 0


def test_a_worker_projects_what_it_is_told_about(running: tuple[Container, Start]) -> None:
    container, start = running
    worker = start(WORKER)
    assert eventually(lambda: worker.says("The worker is ready."))
    tenant = create_tenant(container)

    # When commands come one by one
    lags = []
    for _ in range(20):
        position = register(container, tenant)
        begin = time.monotonic()
        assert container.waiter.wait(position, EVERYTHING, timeout=10)
        lags.append(time.monotonic() - begin)

    # Then the queries show them soon, and the worker ends when it is asked to
    assert total_users(container, tenant) == 20
    assert sorted(lags)[len(lags) // 2] < 0.2
    assert worker.stop() == 0
    assert worker.says("The worker has stopped.")


def test_the_clock_sees_to_it_that_no_hint_has_to_arrive(running: tuple[Container, Start], redis_url: str) -> None:
    container, start = running
    tenant = create_tenant(container)
    position = register(container, tenant)
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    start(WORKER)
    clock = start(CLOCK)

    assert container.waiter.wait(position, EVERYTHING, timeout=20)

    assert clock.stop() == 0
    assert clock.says("The clock has stopped.")


def test_commands_pass_while_redis_is_down_and_are_projected_when_it_is_back(
    database_url: str, redis_server: EmbeddedValkey, tmp_path: Path
) -> None:
    with service(database_url, redis_server.url, tmp_path) as (container, start):
        worker = start(WORKER)
        start(CLOCK)
        assert eventually(lambda: worker.says("The worker is ready."))
        redis_server.kill()

        tenant = create_tenant(container)
        positions = [register(container, tenant) for _ in range(5)]
        redis_server.start()

        assert container.waiter.wait(positions[-1], EVERYTHING, timeout=30)
        assert total_users(container, tenant) == 5


def test_a_killed_worker_leaves_nothing_undone(running: tuple[Container, Start]) -> None:
    container, start = running
    start(CLOCK)
    tenant = create_tenant(container)
    for _ in range(3):
        worker = start(WORKER)
        assert eventually(lambda worker=worker: worker.says("The worker is ready."))
        for _ in range(20):
            position = register(container, tenant)
        worker.kill()
    start(WORKER)

    assert container.waiter.wait(position, EVERYTHING, timeout=30)

    assert total_users(container, tenant) == 60


def test_of_two_clocks_one_leads_and_the_other_takes_over(running: tuple[Container, Start]) -> None:
    _, start = running
    first = start(CLOCK)
    assert eventually(lambda: first.says("The clock leads."))
    second = start(CLOCK)
    time.sleep(2)
    assert not second.says("The clock leads.")

    first.kill()

    with Stopwatch() as watch:
        assert eventually(lambda: second.says("The clock leads."))
    assert watch.seconds < 5
    assert second.stop() == 0


def test_a_clock_that_loses_its_session_stands_by_and_leads_again(
    running: tuple[Container, Start], database_url: str
) -> None:
    _, start = running
    clock = start(CLOCK)
    assert eventually(lambda: clock.says("The clock leads."))

    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'cqrs clock'"
        )

    assert eventually(lambda: [line["event"] for line in clock.lines()].count("The clock leads.") == 2)
    assert clock.says("The clock stands by.")


@pytest.mark.parametrize("command", [WORKER, CLOCK], ids=["worker", "clock"])
def test_bad_settings_stop_a_process_with_one_line_for_each(command: list[str], redis_url: str) -> None:
    environment = {**os.environ, "REDIS_URL": redis_url, "DATABASE_URL": "mysql://x", "PROJECTION_BATCH_SIZE": "many"}

    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert ended.returncode != 0
    for name in ("DATABASE_URL: ", "PROJECTION_BATCH_SIZE: "):
        assert name in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
