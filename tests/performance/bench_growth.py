"""The same questions and commands with few and with many users stored: what grows, and what does not.

All sizes run side by side, each with its own database and its own processes, and are measured turn and turn about at
the same low rate, so that what is compared is the way of one request and not a queue. Cold questions have never been
asked. The events are made within PostgreSQL and folded by the projection engine.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis

from domain.postgres.pool import Pool
from domain.read.engine import SESSION
from tests.performance import bench_mixes, plots
from tests.performance.applications import megabytes
from tests.performance.history import fold, happen
from tests.performance.questions import TABLE, Contents
from tests.performance.results import Result
from tests.performance.sections import Plot, Section, Table
from tests.performance.sent import Sent
from tests.performance.steady import steady
from tests.performance.world import Machinery, World, world

#: Users and tenants of each size.
SMALL, MIDDLE, LARGE = (1_000, 10), (100_000, 1_000), (1_000_000, 10_000)

#: How much longer the median may take with the most users than with the fewest.
TARGETS = {"hot": 1.1, "cold": 2.0, "command": 1.2}

#: Requests in a second.
RATES = {"hot": 200.0, "cold": 40.0, "command": 40.0}

#: Tenants whose things are asked for.
ASKED = 10


@dataclass
class Size:
    """A running service with so many users."""

    users: int
    tenants: int
    here: World
    events: int = 0
    folded: float = 0.0
    disk: dict[str, float] = field(default_factory=dict)
    latencies: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in RATES})


@contextmanager
def grown(machinery: Machinery, directory: Path, users: int, tenants: int, number: int) -> Iterator[Size]:
    """Make that many users, fold all events, and start the service."""
    with world(machinery, directory, f"{users}-users", number) as here:
        pool = Pool(here.database_url, settings=SESSION)
        happen(pool, users, tenants=tenants, rounds=2)
        begin = time.perf_counter()
        fold(here.database_url)
        size = Size(users, tenants, here)
        size.folded = time.perf_counter() - begin
        with pool.cursor() as cursor:
            cursor.execute("SELECT sum(head) FROM write_schema.shards")
            size.events = int((cursor.fetchone() or (0,))[0])
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("VACUUM ANALYZE")
            for schema in ("write_schema", "read_schema"):
                cursor.execute(
                    "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
                    "WHERE relkind = 'r' AND relnamespace = %s::regnamespace",
                    (schema,),
                )
                size.disk[schema] = float((cursor.fetchone() or (0,))[0]) / size.events
        pool.close()
        with redis.Redis.from_url(here.fleet.environment["REDIS_URL"]) as client:
            client.flushdb()
        here.fleet.start_all()
        yield size


def run(
    machinery: Machinery, directory: Path, tick: Callable[[str], None], *, short: bool, growth: bool
) -> list[Section]:
    sizes = [(200, 10), (1_000, 20)] if short else [SMALL, MIDDLE, LARGE] if growth else [SMALL, MIDDLE]
    seconds, rounds = (0.5, 1) if short else (2.0, 3)
    with ExitStack() as running:
        made = []
        for number, (users, tenants) in enumerate(sizes, start=1):
            tick(f"making {users:,} users in {tenants:,} tenants")
            made.append(running.enter_context(grown(machinery, directory, users, tenants, number)))
        asked = {size.users: _requests(size) for size in made}
        for number, name in itertools.product(range(rounds), RATES):
            for size in made:
                tick(f"{size.users:,} users, {name}, round {number + 1} of {rounds}")
                rate = RATES[name]
                requests = list(itertools.islice(asked[size.users][name], int(rate * seconds * 2)))
                url = size.here.fleet.urls[0]
                if number == 0 and not short:
                    # Connections are made and plans are, and what is hot is brought to the memory of each process.
                    for _ in range(3 if name == "hot" else 1):
                        steady(url, requests, rate, 1.0, directory)
                    requests = list(itertools.islice(asked[size.users][name], int(rate * seconds * 2)))
                size.latencies[name] += steady(url, requests, rate, seconds, directory)
        section = _section(made)
        mixes = bench_mixes.run(made[1].here, tick, short=short)
    return [mixes, section]


def _requests(size: Size) -> dict[str, Iterator[Sent]]:
    contents = Contents.of(size.here.database_url, size.here.settings, tenants=ASKED, tokens=4)
    tenants = list(contents.users)
    hot, cold = contents.of_tenants(tenants[:2]), contents.of_tenants(tenants[2:])
    first = [sent for query in TABLE for sent in hot.ask(query)[:20]]
    never = [sent for query in TABLE for sent in cold.ask(query, once=True)]
    # So that all queries come in the same parts, whatever there is of each.
    never.sort(key=lambda sent: sent.path[-4:])
    users = [(tenant, user) for tenant in cold.active for user in cold.active[tenant]]
    return {
        "hot": itertools.cycle(first),
        "cold": itertools.cycle(never),
        "command": itertools.cycle(cold.changes(users)),
    }


_HEAD = (
    *("users", "tenants", "events", *(f"{name}: p50 / p95 / p99 ms" for name in RATES), "a web server's memory, MB"),
    *("µs to fold an event", "bytes of log per event", "bytes of read models per event"),
)


def _section(made: list[Size]) -> Section:
    section = Section("Growth", __doc__ or "")
    least, most = made[0], made[-1]
    medians = {size.users: {name: statistics.median(size.latencies[name]) for name in RATES} for size in made}
    memory = {size.users: megabytes(size.here.service.pids[:1]) for size in made}
    for name, target in TARGETS.items():
        value = medians[most.users][name]
        section.results.append(
            Result(
                f"{name}, {most.users:,} users : {least.users:,} users",
                value,
                "ms at p50",
                value / medians[least.users][name],
                target,
                at_most=True,
            )
        )

    def cuts(values: list[float]) -> str:
        found = statistics.quantiles(values, n=100, method="inclusive")
        return f"{found[49]:.2f} / {found[94]:.2f} / {found[98]:.2f}"

    section.tables.append(
        Table(
            "By size",
            _HEAD,
            [
                (
                    f"{size.users:,}",
                    f"{size.tenants:,}",
                    f"{size.events:,}",
                    *(cuts(size.latencies[name]) for name in RATES),
                    f"{memory[size.users]:.0f}",
                    f"{size.folded / size.events * 1e6:.0f}",
                    f"{size.disk['write_schema']:.0f}",
                    f"{size.disk['read_schema']:.0f}",
                )
                for size in made
            ],
        )
    )
    lines = {name: [(float(size.users), medians[size.users][name]) for size in made] for name in RATES}
    section.plots.append(Plot("Median latency by users stored", plots.lines(lines, y_label="ms")))
    section.data = {
        str(size.users): {
            "latencies": medians[size.users],
            "memory": memory[size.users],
            "events": size.events,
            "folded": size.folded,
            "disk": size.disk,
        }
        for size in made
    }
    return section
