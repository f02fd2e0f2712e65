"""Reads with a known part of repeated questions, and writes among them, while the caches do what they do.

In each run all caches are emptied, the hot questions are asked once, and then reads come of which a part (0, 80 or
95 %) is one of those, and the rest has never been asked for. Some requests are commands that rename a user of a tenant
whose answers are cached, so that they take back a list, a dashboard and a user each. The worker and the clock are at
work. What was hit is what the caches counted.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import requests

from tests.e2e.fleet import bearer
from tests.performance.applications import Application, cpu_seconds, serve
from tests.performance.query_tables import L1, ORM, SQL, UNCACHED
from tests.performance.questions import Contents
from tests.performance.sections import Section, Table
from tests.performance.sent import Load, Sent
from tests.performance.traditional.filling import fill
from tests.performance.world import World
from tests.performance.wrk import send

#: Of a hundred reads, how many are of each query.
SHARES = {
    "single user": 50,
    "tenant users": 10,
    "workspace details": 15,
    "dashboard": 5,
    "own profile": 5,
    "tenant workspaces": 5,
    "workspace members": 5,
    "tenant summary": 5,
}

TEMPERATURES = {"cold": 0.0, "warm": 0.8, "hot": 0.95}
WRITES = (0.0, 0.01, 0.05)

#: How many questions are hot, of how many tenants.
HOT, HOT_TENANTS = 400, 40

CONNECTIONS = 16

#: Of each run.
SECONDS = 1


class Mixed(NamedTuple):
    load: Load
    cpu: float
    hit_ratio: float | None


class Mixes:
    """Makes requests for runs; no cold question is ever asked twice."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._chance = random.Random(5)
        tenants = list(contents.users)
        part = min(HOT_TENANTS, len(tenants) // 2)
        hot, cold = tenants[:part], tenants[part:]
        self._writers = [(tenant, user) for tenant in hot for user in contents.active[tenant]]
        self.hot = {query: self._some(query, hot, HOT * share // 100) for query, share in SHARES.items()}
        self._cold = {query: self._all(query, cold) for query in SHARES}

    def _some(self, query: str, tenants: list[str], count: int) -> list[Sent]:
        return list(itertools.islice(self._contents.of_tenants(tenants).ask(query), max(1, count)))

    def _all(self, query: str, tenants: list[str]) -> Iterator[Sent]:
        asked = self._contents.of_tenants(tenants).ask(query, once=True)
        self._chance.shuffle(asked)
        # Where one has all been asked for it begins again, which the hit ratio shows.
        return itertools.cycle(asked)

    def requests(self, count: int, hot: float, writes: float) -> list[Sent]:
        queries = self._chance.choices(list(SHARES), list(SHARES.values()), k=count)
        return [self._request(query, hot, writes) for query in queries]

    def _request(self, query: str, hot: float, writes: float) -> Sent:
        if self._chance.random() < writes:
            (change,) = self._contents.changes([self._chance.choice(self._writers)])
            return change
        return self._chance.choice(self.hot[query]) if self._chance.random() < hot else next(self._cold[query])


def run(here: World, tick: Callable[[str], None], *, short: bool) -> Section:
    """Measure with the grown world *here*."""
    section = Section("Mixes of reads and writes", __doc__ or "")
    fill(here.database_url)
    contents = Contents.of(here.database_url, here.settings, tenants=400 if not short else 60, tokens=1)
    mixes = Mixes(contents)
    root = bearer(here.fleet.token("super_admin"))
    found: dict[tuple[str, float], dict[str, Mixed]] = {}
    with ExitStack() as running:
        directory = "tests.performance"
        applications = {
            ORM: running.enter_context(serve(here.fleet, ORM, f"{directory}.traditional.orm_wsgi:app")),
            SQL: running.enter_context(serve(here.fleet, SQL, f"{directory}.traditional.sql_wsgi:app")),
            UNCACHED: running.enter_context(serve(here.fleet, UNCACHED, f"{directory}.uncached_wsgi:app")),
            L1: here.service,
        }
        cells = [(name, part) for name in TEMPERATURES for part in WRITES]
        for name, writes in cells[4:5] if short else cells:
            found[name, writes] = {}
            for each, application in applications.items():
                tick(f"{name}, {writes:.0%} writes: {each}")
                found[name, writes][each] = _measure(here, application, mixes, root, TEMPERATURES[name], writes)
    names = list(next(iter(found.values())))
    section.tables.append(
        Table(
            "Requests in a second, p50 / p99 in ms, CPU seconds for 1,000; and the hit ratio that occurred",
            ("reads", "writes", *names, "hit ratio", f"{L1} : {ORM}"),
            [
                (
                    name,
                    f"{writes:.0%}",
                    *(f"{m.load.rate:,.0f}/s, {m.load.p50:.1f} / {m.load.p99:.1f}, {m.cpu:.2f}" for m in row.values()),
                    f"{row[L1].hit_ratio:.1%}",
                    f"{row[L1].load.rate / row[ORM].load.rate:.1f} ×",
                )
                for (name, writes), row in found.items()
            ],
        )
    )
    section.data = {
        f"{name}, {writes:.0%} writes": {
            each: {**mixed.load._asdict(), "cpu": mixed.cpu, "hit_ratio": mixed.hit_ratio}
            for each, mixed in row.items()
        }
        for (name, writes), row in found.items()
    }
    return section


def _measure(
    here: World, application: Application, mixes: Mixes, root: dict[str, str], hot: float, writes: float
) -> Mixed:
    pids = (*application.pids, *here.machinery.pids)
    before = None
    if application.name == "service":
        _post(here, root, "invalidate", {"tags": ["*"]})
        for _ in range(3):
            # Over connections of their own, so that each process of the service is asked.
            _ask_all(application, mixes)
        time.sleep(1.2)
        before = _counters(here, root)
    # As many as can't be sent in the time, so that none comes twice.
    asked = mixes.requests(int((16_000 if application.name == "service" and hot else 3_000) * SECONDS), hot, writes)
    used = cpu_seconds(pids)
    load = send(application.url, asked, connections=CONNECTIONS, seconds=SECONDS, directory=here.directory)
    used = cpu_seconds(pids) - used
    ratio = None
    if before is not None:
        time.sleep(1.2)
        ratio = _ratio(before, _counters(here, root))
    else:
        # What the commands have left to be done is not for the next one to wait for.
        time.sleep(0.3)
    return Mixed(load, used / (load.rate * SECONDS) * 1000, ratio)


def _ask_all(application: Application, mixes: Mixes) -> None:
    with requests.Session() as http:
        for sent in itertools.chain.from_iterable(mixes.hot.values()):
            http.get(application.url + sent.path, headers={"Authorization": f"Bearer {sent.token}"}, timeout=10)


def _post(here: World, root: dict[str, str], what: str, body: Any) -> None:
    url = f"{here.fleet.urls[0]}/api/v1/admin/cqrs/cache/{what}"
    requests.post(url, json=body, headers=root, timeout=10).raise_for_status()


def _counters(here: World, root: dict[str, str]) -> dict[str, dict[str, dict[str, int]]]:
    url = f"{here.fleet.urls[0]}/api/v1/admin/cqrs/cache/stats"
    counters: dict[str, dict[str, dict[str, int]]] = requests.get(url, headers=root, timeout=10).json()["counters"]
    return counters


def _ratio(before: dict[str, dict[str, dict[str, int]]], after: dict[str, dict[str, dict[str, int]]]) -> float:
    """Of the reads between two looks, the part that either level answered."""

    def total(level: str, *whats: str) -> int:
        return sum(
            after.get(level, {}).get(query, {}).get(what, 0) - before.get(level, {}).get(query, {}).get(what, 0)
            for query in after.get(level, {})
            for what in whats
        )

    hits = total("l1", "hit", "absent_hit") + total("l2", "hit", "absent_hit")
    loaded = total("load", "load") + total("l2", "coalesced")
    return hits / max(1, hits + loaded)
