"""The applications that are measured, each served as the Procfile serves the service."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import requests

from tests.e2e.fleet import ROOT, Fleet, signal_group, wait_for
from workers.launcher.ports import free_port
from workers.launcher.procfile import shell


@dataclass(frozen=True)
class Application:
    """Something that answers at *url*; *pids* are the processes whose trees work for it."""

    name: str
    url: str
    pids: tuple[int, ...]


@contextmanager
def serve(fleet: Fleet, name: str, application: str, **environment: str) -> Iterator[Application]:
    """Serve the WSGI *application* beside those of the *fleet*, with its settings and *environment*.

    Where the fleet's web processes keep to a processor each, this one's do too.
    """
    port = str(free_port())
    if fleet.environment.get("WEB_CPU_AFFINITY") == "on":
        environment |= {"WEB_CPU_AFFINITY": "off", "KEPT_APPLICATION": application, "KEPT_FAMILY": f"{name}-{port}"}
        application = "tests.performance.kept_wsgi:app"
    command = shell(fleet.commands["web"].replace("web.wsgi:app", application))
    with (fleet.directory / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            env={**fleet.environment, **environment, "PORT": port},
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(url) or process.poll() is not None, 30, f"{name} to answer")
        if process.poll() is not None:
            raise RuntimeError(f"{name} did not start:\n{(fleet.directory / f'{name}.log').read_text()}")
        yield Application(name, url, (process.pid,))
    finally:
        signal_group(process, 15)
        process.wait(30)


def answers(url: str) -> bool:
    """Whether anything answers there, be it an error."""
    try:
        requests.get(f"{url}/health/live", timeout=2)
    except requests.RequestException:
        return False
    return True


def cpu_seconds(pids: Iterable[int]) -> float:
    """The CPU time that the trees of these processes have used so far, ended children included."""
    total = 0.0
    for pid in pids:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            try:
                total += sum(process.cpu_times()[:4])
            except psutil.NoSuchProcess:
                # Its parent counts it from now on.
                continue
    return total


def megabytes(pids: Iterable[int]) -> float:
    """The memory that the trees of these processes have for themselves."""
    roots = [psutil.Process(pid) for pid in pids]
    every = [each for root in roots for each in (root, *root.children(recursive=True))]
    return sum(each.memory_full_info().uss for each in every) / 2**20
