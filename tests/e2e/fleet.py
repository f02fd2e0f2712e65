"""The whole service as separate processes, started by the Procfile's own lines, to be killed and frozen at will."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import requests

from domain.postgres.pool import Pool
from domain.read.watch.processes import Processes
from domain.settings import Settings
from web.tokens import make_token
from workers.launcher.ports import free_port
from workers.launcher.procfile import read_procfile, shell
from workers.launcher.spawn import spawn

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-of-the-tests-that-is-long-enough"


class Fleet:
    """Any number of web, worker and clock processes on the given servers; each in a process group of its own."""

    def __init__(self, database_url: str, redis_url: str, directory: Path, **environment: str) -> None:
        """What the processes print goes to files in *directory*; *environment* adds settings."""
        self.directory = directory
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "HOST": "127.0.0.1",
            "WEB_CONCURRENCY": "1",
            "LOG_FORMAT": "json",
            "JWT_SECRET": SECRET,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            **environment,
        }
        self.commands = read_procfile(ROOT / "Procfile")
        self.running: dict[str, list[subprocess.Popen[bytes]]] = {}
        self.urls: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for kind in ("web", "clock", "worker"):
            for process in self.running.get(kind, []):
                signal_group(process, signal.SIGCONT)
                signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + 30
        for process in (each for group in self.running.values() for each in group):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            signal_group(process, signal.SIGKILL)
            process.wait()

    def start(self, kind: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start one process of *kind*, a name in the Procfile."""
        environment = {**self.environment, **environment}
        if kind == "web":
            environment["PORT"] = str(free_port())
            self.urls.append(f"http://127.0.0.1:{environment['PORT']}")
        started = self.running.setdefault(kind, [])
        with (self.directory / f"{kind}-{len(started)}.log").open("ab") as output:
            # On a leash, so that none outlives a test that is killed.
            process = spawn(shell(self.commands[kind]), environment=environment, directory=ROOT, output=output)
        started.append(process)
        return process

    def start_all(self, web: int = 1, worker: int = 1, clock: int = 1) -> Self:
        """Start that many of each, and wait until all web processes answer and the others say that they live."""
        for kind, count in {"worker": worker, "clock": clock, "web": web}.items():
            for _ in range(count):
                self.start(kind)
        for url in self.urls:
            wait_for(lambda url=url: ready(url), 30, f"{url} to be ready")
        with contextlib.closing(Pool(Settings.from_environment(self.environment).read_database_url)) as pool:
            wait_for(lambda: len(Processes(pool).alive()) >= worker + clock, 30, "the workers and clocks to live")
        return self

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End *process* and its children by SIGKILL."""
        signal_group(process, signal.SIGKILL)
        process.wait()

    def flask(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``flask --app web`` with *arguments*."""
        return subprocess.run(
            ["flask", "--app", "web", *arguments],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, check=check, timeout=300,
        )  # fmt: skip

    def token(self, role: str, tenant: str | None = None, user: str = "root") -> str:
        settings = Settings.from_environment(self.environment)
        return make_token(settings, user_id=user, tenant_id=tenant, roles={role}, seconds=86_400)

    def reasons(self) -> str:
        """Return the reasons not to call the service healthy, as its first web process gives them."""
        return "\n".join(requests.get(f"{self.urls[0]}/health/cqrs", timeout=10).json()["reasons"])

    def logs(self) -> str:
        """All that the processes have printed."""
        return "\n".join(file.read_text(errors="replace") for file in sorted(self.directory.glob("*.log")))


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send *number* to *process* and its children; nothing happens if it has ended."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def wait_for(condition: Any, seconds: float, what: str) -> Any:
    """Return what *condition* returns as soon as that is true. Fails after *seconds*."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")


def ready(url: str) -> bool:
    """Whether the web process at *url* says that it is ready. False also where nothing answers in time."""
    try:
        return requests.get(f"{url}/health/ready", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
