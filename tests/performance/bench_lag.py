"""How soon a command can be seen by queries: ``python -m tests.performance.bench_lag [seconds]``.

The whole service runs as its processes on this machine. Measured are commands per second for one client and for
sixteen; the lag, from a command's answer to a query's that shows it (``Min-Position``), while nothing else happens and
at half of what the machine takes; and the memory of each process.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psutil
import requests

from domain.settings import Settings
from tests import servers
from tests.e2e.fleet import Fleet, bearer
from tests.performance.results import Result, show
from web.tokens import make_token

#: What is to be reached: the 99th percentile of the lag at half load, in milliseconds.
TARGET = 200.0

CLIENTS, TENANTS = 16, 16


class Client:
    """Sends commands to one tenant and asks for what it changed."""

    def __init__(self, fleet: Fleet, tenant: str) -> None:
        self._url = f"{fleet.urls[0]}/api/v1"
        self._session = requests.Session()
        settings = Settings.from_environment(fleet.environment)
        token = make_token(settings, user_id=str(uuid4()), tenant_id=tenant, roles={"admin"}, seconds=3600)
        self._session.headers.update(bearer(token))
        self._number = itertools.count()
        self._user = self._register()

    def _register(self) -> str:
        body = {"email": f"{uuid4()}@example.com", "first_name": "Ada", "last_name": "Lovelace"}
        id = str(self._session.post(f"{self._url}/users", json=body).json()["id"])
        self._session.post(f"{self._url}/users/{id}/activate")
        return id

    def command(self) -> str:
        """Rename the user; return the position."""
        body = {"last_name": f"Name {next(self._number)}"}
        answer = self._session.patch(f"{self._url}/users/{self._user}", json=body)
        answer.raise_for_status()
        return answer.headers["Event-Position"]

    def query(self, position: str | None = None) -> float:
        """Return the seconds until the user is shown as of *position*."""
        headers = {} if position is None else {"Min-Position": position, "Prefer": "wait=10"}
        begin = time.perf_counter()
        self._session.get(f"{self._url}/users/{self._user}", headers=headers).raise_for_status()
        return time.perf_counter() - begin

    def close(self) -> None:
        self._session.close()


def throughput(clients: Sequence[Client], seconds: float) -> float:
    """Commands per second when each client sends one after the other."""
    end = time.perf_counter() + seconds

    def run(client: Client) -> int:
        return sum(1 for _ in iter(lambda: time.perf_counter() < end and client.command(), False))

    with ThreadPoolExecutor(len(clients)) as threads:
        return sum(threads.map(run, clients)) / seconds


def lags(client: Client, seconds: float, pause: float) -> list[float]:
    """Milliseconds from a command's answer to the answer that shows it, again and again."""
    found, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        found.append(1000 * client.query(client.command()))
        time.sleep(pause)
    return found


def under_load(clients: Sequence[Client], rate: float, measure: Callable[[], list[float]]) -> list[float]:
    """Measure while *clients* send *rate* commands a second in all, evenly."""
    stop, interval = threading.Event(), len(clients) / rate

    def run(client: Client, place: int) -> None:
        due = time.perf_counter() + interval * place / len(clients)
        while not stop.is_set():
            time.sleep(max(0.0, due - time.perf_counter()))
            client.command()
            due += interval

    with ThreadPoolExecutor(len(clients)) as threads:
        running = [threads.submit(run, client, place) for place, client in enumerate(clients)]
        try:
            return measure()
        finally:
            stop.set()
            for each in running:
                each.result()


def memory(fleet: Fleet) -> dict[str, float]:
    """Megabytes that each process, with its children, has for itself."""
    found = {}
    for kind, processes in fleet.running.items():
        for number, process in enumerate(processes):
            tree = psutil.Process(process.pid)
            every = [tree, *tree.children(recursive=True)]
            found[f"{kind} {number}"] = sum(each.memory_full_info().uss for each in every) / 2**20
    return found


def quantiles(what: str, values: Sequence[float], target: float | None = None) -> Result:
    p50, p99 = (statistics.quantiles(values, n=100, method="inclusive")[place] for place in (49, 98))
    beside = {"p50": p50, "times": len(values)}
    return Result(what, p99, "ms at p99", target=target, at_most=True, beside=beside)


def measure(fleet: Fleet, seconds: float) -> list[Result]:
    root = bearer(fleet.token("super_admin"))
    tenants = [
        requests.post(
            f"{fleet.urls[0]}/api/v1/tenants",
            json={"name": "Acme", "slug": f"t-{uuid4().hex[:12]}", "plan": "enterprise"},
            headers=root,
            timeout=10,
        ).json()["id"]
        for _ in range(TENANTS)
    ]
    probe, *clients = [Client(fleet, tenant) for tenant in [tenants[0], *tenants]][: CLIENTS + 1]
    throughput(clients, 1.0)
    found = [Result("commands, 1 client", throughput([probe], seconds), "/s")]
    most = throughput(clients, seconds)
    found.append(Result(f"commands, {CLIENTS} clients", most, "/s"))
    time.sleep(1)
    found.append(quantiles("a query that waits for nothing, idle", [1000 * probe.query() for _ in range(200)]))
    found.append(quantiles("command → seen, idle", lags(probe, seconds, 0.05)))
    half = under_load(clients, most / 2, lambda: lags(probe, 2 * seconds, 0.01))
    found.append(quantiles("command → seen, at half of what the machine takes", half, TARGET))
    found += [Result(f"memory of {name}", megabytes, "MB") for name, megabytes in memory(fleet).items()]
    for client in (probe, *clients):
        client.close()
    return found


def run(*, short: bool = False, seconds: float = 5.0) -> list[Result]:
    """Measure on servers of our own, or those of DATABASE_URL and REDIS_URL."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        for each in ("postgres", "valkey", "logs"):
            (directory / each).mkdir()
        with servers.postgres(directory / "postgres") as url, servers.valkey(directory / "valkey") as redis_url:
            servers.migrate(url)
            with Fleet(url, redis_url, directory / "logs").start_all() as fleet:
                return measure(fleet, 0.2 if short else seconds)


if __name__ == "__main__":
    sys.exit(show(run(seconds=float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)))
