"""A whole service at half load for long: what it uses stays what it was."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from tests.e2e.fleet import Fleet
from tests.e2e.router import RestingClient
from tests.faults import record
from tests.faults.clients import Load
from tests.faults.scale import scaled

pytestmark = [pytest.mark.fault, pytest.mark.e2e]

SECONDS = scaled(5, 1800)

#: Seconds between two looks.
EVERY = SECONDS / 40

#: What a number may be more at the end than it was: a part of it, and beyond that so many connections or MiB.
MARGIN, CONNECTIONS, MEBIBYTES = 1.1, 4, 8

_SESSIONS = "SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1"


@pytest.fixture
def fleet(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(database_url, redis_url, tmp_path) as fleet:
        yield fleet.start_all()


def test_memory_and_connections_stay_as_they_are_and_nothing_fails(
    fleet: Fleet, database_url: str, redis_url: str
) -> None:
    seen: defaultdict[str, list[float]] = defaultdict(list)
    # When clients that take nothing but success come for as long
    with Load(fleet, clients=4, kind=RestingClient) as load, redis.Redis.from_url(redis_url) as client:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            time.sleep(EVERY)
            for name, number in (memory(fleet) | connections(database_url, client)).items():
                seen[name].append(number)

    # Then each number is at the end what it was before the middle
    queries = sum(client.queries for client in load.clients)  # type: ignore[attr-defined]
    print(f"{len(load.answers)} commands and {queries} queries in {SECONDS} s")
    grown = {}
    for name, numbers in sorted(seen.items()):
        quarter = len(numbers) // 4
        early, late = statistics.median(numbers[quarter : 2 * quarter]), statistics.median(numbers[-quarter:])
        print(f"{name:<40} {early:8.1f} → {late:8.1f}   (most {max(numbers):.1f})")
        if late > early * MARGIN + (MEBIBYTES if name.endswith("MiB") else CONNECTIONS):
            grown[name] = numbers
    assert grown == {}
    assert len(seen) >= 8
    # And nobody has noticed anything
    assert load.faults == []
    assert all(client.queries > 10 for client in load.clients)  # type: ignore[attr-defined]
    assert '"level":"error"' not in fleet.logs()


def memory(fleet: Fleet) -> dict[str, float]:
    """The memory of each process that is its own, in MiB."""
    found = {}
    for kind, processes in fleet.running.items():
        for process in processes:
            parent = psutil.Process(process.pid)
            for number, each in enumerate([parent, *parent.children(recursive=True)]):
                found[f"{kind} {number} MiB"] = each.memory_full_info().uss / 2**20
    return found


def connections(database_url: str, client: redis.Redis) -> dict[str, float]:
    """How many sessions each part has at PostgreSQL, and all of them at Redis."""
    found = {f"{name} sessions": float(count) for name, count in record.rows(database_url, _SESSIONS) if name}
    info = client.info("clients")
    return found | {"redis connections": float(info["connected_clients"])}
