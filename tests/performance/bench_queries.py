"""The eight queries over HTTP, beside the traditional applications and a bare callable that gives the same bytes.

All have the same data, the same PostgreSQL, the same WSGI server with the same settings, and the same tokens. That they
answer alike is checked before anything is timed. They are measured turn and turn about.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import requests

from domain.postgres.pool import Pool
from domain.read.engine import SESSION, ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.write.postgres_store import PostgresEventStore
from tests.performance import bare_wsgi, plans, plots
from tests.performance.applications import Application, cpu_seconds, serve
from tests.performance.history import happen
from tests.performance.questions import QUERIES, TABLE, Contents
from tests.performance.results import Result
from tests.performance.sections import Plot, Section, Table
from tests.performance.steady import steady
from tests.performance.traditional.equality import Differs, check
from tests.performance.traditional.filling import fill
from tests.performance.world import Machinery, World, world
from tests.performance.wrk import Load, Sent, send

#: What the service's hot answers and its read models are to reach, in the order of TABLE.
AGAINST_ORM = (30.0, 60.0, 45.0, 100.0)
AGAINST_SQL = (8.0, 15.0, 12.0, 20.0)
AGAINST_BARE = 0.8
UNCACHED_AGAINST_ORM = (2.0, 2.0, 2.0, 5.0)

#: Connections of wrk; each has one request under way.
CONNECTIONS = 32

#: Parts of what the ORM's application can do at most, as rates at which all are measured.
RATES = (0.5, 0.9)

ORM, SQL, UNCACHED, L2, L1, BARE = "ORM", "hand-written SQL", "read models", "L2", "L1", "bare callable"
ALL = (ORM, SQL, UNCACHED, L2, L1, BARE)


class Sample(NamedTuple):
    """One run at saturation; *cpu* is seconds of all processes for 1,000 answers."""

    load: Load
    cpu: float


@contextmanager
def applications(world: World, contents: Contents) -> Iterator[dict[str, Application]]:
    """Serve all that is compared."""
    answers = world.directory / "answers"
    asked = {(sent.path, sent.token): None for query in QUERIES for sent in contents.ask(query)}
    bare_wsgi.record(world.fleet.urls[0], asked, answers)
    directory = "tests.performance"
    with ExitStack() as running:

        def start(name: str, application: str, **environment: str) -> Application:
            return running.enter_context(serve(world.fleet, name, application, **environment))

        found = {
            ORM: start(ORM, f"{directory}.traditional.orm_wsgi:app"),
            SQL: start(SQL, f"{directory}.traditional.sql_wsgi:app"),
            UNCACHED: start(UNCACHED, f"{directory}.uncached_wsgi:app"),
            L2: start(L2, "web.wsgi:app", L1_MAX_BYTES="0"),
            L1: world.service,
            BARE: start(BARE, f"{directory}.bare_wsgi:app", BARE_ANSWERS=str(answers)),
        }
        # What the worker and the clock do is done for the service, whichever of its caches answers.
        for name in (UNCACHED, L2):
            found[name] = Application(name, found[name].url, (*found[name].pids, *world.helpers))
        yield found


def check_equality(running: dict[str, Application], contents: Contents, each: int) -> int:
    """See that all answer *each* first requests of every query alike; return how many answers were compared."""
    compared = 0
    with requests.Session() as http:

        def ask(application: Application, sent: Sent) -> bytes:
            header = {"Authorization": f"Bearer {sent.token}"}
            answer = http.get(application.url + sent.path, headers=header, timeout=10)
            if answer.status_code != 200:
                raise Differs(f"{application.name} answers {sent.path} with {answer.status_code}")
            return answer.content

        for query in QUERIES:
            for sent in contents.ask(query)[:each]:
                expected = ask(running[L1], sent)
                for name in ALL:
                    check(sent.path, expected, ask(running[name], sent), name)
                    compared += 1
    return compared


class Bench:
    """Measures queries with the applications that are *running*."""

    def __init__(self, world: World, running: dict[str, Application], tick: Callable[[str], None]) -> None:
        self._world = world
        self._running = running
        self._tick = tick

    def saturated(self, query: str, asked: list[Sent], seconds: float, rounds: int) -> dict[str, list[Sample]]:
        """Measure all, one after the other, so many times."""
        found: dict[str, list[Sample]] = {name: [] for name in ALL}
        for name in (L2, L1):
            # Each process has to have been asked everything, and its memory for headers twice.
            self._send(name, asked, max(1.0, seconds / 2))
        for number in range(rounds):
            for name in ALL:
                self._tick(f"{query}: {name}, round {number + 1} of {rounds}")
                application = self._running[name]
                pids = (*application.pids, *self._world.machinery.pids)
                before = cpu_seconds(pids)
                load = self._send(name, asked, seconds)
                used = cpu_seconds(pids) - before
                found[name].append(Sample(load, used / (load.rate * seconds) * 1000))
        return found

    def at_rate(self, query: str, asked: list[Sent], rate: float, seconds: float) -> dict[str, list[float]]:
        """The milliseconds of each request at a fixed *rate*, of all but the bare callable."""
        found = {}
        for name in ALL[:-1]:
            self._tick(f"{query}: {name} at {rate:.0f}/s")
            found[name] = steady(self._running[name].url, asked, rate, seconds, self._world.directory)
        return found

    def levels(self, name: str, asked: list[Sent], count: int = 40) -> dict[str, int]:
        """Where answers come from, as their own headers say; each is asked for over a connection of its own."""
        found: dict[str, int] = {}
        for sent in asked[:count]:
            header = {"Authorization": f"Bearer {sent.token}"}
            answer = requests.get(self._running[name].url + sent.path, headers=header, timeout=10)
            status = answer.headers["Cache-Status"].replace(" ", "").split(",")
            level = next((part.split(";")[0] for part in status if "hit" in part.split(";")), "database")
            found[level] = found.get(level, 0) + 1
        return found

    def _send(self, name: str, asked: list[Sent], seconds: float) -> Load:
        return send(
            self._running[name].url, asked, connections=CONNECTIONS, seconds=seconds, directory=self._world.directory
        )


def ratio(found: dict[str, list[Sample]], ours: str, theirs: str) -> float:
    """The median of the rounds' ratios."""
    pairs = zip(found[ours], found[theirs], strict=True)
    return statistics.median(mine.load.rate / its.load.rate for mine, its in pairs)


def quantiles(latencies: Sequence[float]) -> tuple[float, float, float]:
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98]


def load_sample(world: World, *, short: bool) -> None:
    """The thousand users in five tenants, as commands through the API; in short a few of them, past it."""
    if not short:
        world.fleet.flask("load-sample", "--url", world.fleet.urls[0])
        return
    pool = Pool(world.database_url, settings=SESSION)
    happen(pool, 100, tenants=5)
    log = PostgresEventStore(pool)
    engine = ProjectionEngine(pool, log, PROJECTIONS)
    for shard in log.heads():
        engine.catch_up(shard)
    pool.close()


def run(machinery: Machinery, directory: Path, tick: Callable[[str], None], *, short: bool) -> Section:
    seconds, rounds, rest = (1.0, 1, 1) if short else (2.0, 3, 1)
    section = Section("Queries", __doc__ or "")
    with world(machinery, directory, "queries") as here:
        here.fleet.start_all()
        tick("loading the sample")
        load_sample(here, short=short)
        fill(here.database_url)
        contents = Contents.of(here.database_url, here.settings)
        with applications(here, contents) as running:
            tick("checking that all answer alike")
            compared = check_equality(running, contents, 5 if short else 40)
            section.words += f"\n\n{compared} answers were compared before, and were equal."
            bench = Bench(here, running, tick)
            saturated, rates, levels = {}, {}, {}
            for query in QUERIES if not short else TABLE[:2]:
                asked = contents.ask(query)
                saturated[query] = bench.saturated(query, asked, seconds, rounds if query in TABLE else rest)
                levels[query] = {name: bench.levels(name, asked) for name in (L1, L2)}
                if query in TABLE:
                    most = statistics.median(sample.load.rate for sample in saturated[query][ORM])
                    for part in RATES[:1] if short else RATES:
                        rates[query, part] = bench.at_rate(query, asked, most * part, seconds), most * part
            tick("reading plans")
            section.appendix = plans.appendix(here, contents)
    _write(section, saturated, rates, levels)
    return section


def _write(
    section: Section,
    saturated: dict[str, dict[str, list[Sample]]],
    rates: dict[tuple[str, float], tuple[dict[str, list[float]], float]],
    levels: dict[str, dict[str, dict[str, int]]],
) -> None:
    medians = {
        query: {name: statistics.median(sample.load.rate for sample in found[name]) for name in ALL}
        for query, found in saturated.items()
    }
    section.tables.append(
        Table(
            "Answers in a second, at saturation",
            ("query", *ALL),
            [(query, *(f"{medians[query][name]:,.0f}" for name in ALL)) for query in saturated],
        )
    )
    section.tables.append(
        Table(
            "L1 against the others, and the read models without cache, × as many answers",
            ("query", *(f"L1 : {name}" for name in ALL if name != L1), f"{UNCACHED} : {ORM}", f"{UNCACHED} : {SQL}"),
            [
                (
                    query,
                    *(f"{ratio(found, L1, name):.2f}" for name in ALL if name != L1),
                    f"{ratio(found, UNCACHED, ORM):.2f}",
                    f"{ratio(found, UNCACHED, SQL):.2f}",
                )
                for query, found in saturated.items()
            ],
        )
    )
    section.tables.append(
        Table(
            "CPU seconds of all processes (web, worker, clock, PostgreSQL, Valkey) for 1,000 answers",
            ("query", *ALL),
            [
                (query, *(f"{statistics.median(each.cpu for each in found[name]):.3f}" for name in ALL))
                for query, found in saturated.items()
            ],
        )
    )
    section.tables.append(
        Table(
            "Milliseconds at a fixed rate: p50 / p95 / p99",
            ("query", "rate", *ALL[:-1]),
            [
                (query, f"{rate:,.0f}/s", *(" / ".join(f"{cut:.2f}" for cut in quantiles(found[n])) for n in ALL[:-1]))
                for (query, _), (found, rate) in rates.items()
            ],
        )
    )
    section.tables.append(
        Table(
            "Where answers came from after the run, of 40 over connections of their own",
            ("query", L1, L2),
            [(query, str(found[L1]), str(found[L2])) for query, found in levels.items()],
        )
    )
    for place, query in enumerate(TABLE):
        if query not in saturated:
            continue
        found = saturated[query]
        for other, targets in ((ORM, AGAINST_ORM), (SQL, AGAINST_SQL)):
            section.results.append(
                Result(f"hot, {query} : {other}", medians[query][L1], "/s", ratio(found, L1, other), targets[place])
            )
        section.results.append(
            Result(f"hot, {query} : {BARE}", medians[query][L1], "/s", ratio(found, L1, BARE), AGAINST_BARE)
        )
        section.results.append(
            Result(
                f"without cache, {query} : {ORM}",
                medians[query][UNCACHED],
                "/s",
                ratio(found, UNCACHED, ORM),
                UNCACHED_AGAINST_ORM[place],
            )
        )
    section.plots.append(Plot("Answers in a second, at saturation", plots.bars(medians, log=True)))
    for (query, part), (found, rate) in rates.items():
        section.plots.append(
            Plot(f"Latency of {query} at {rate:,.0f}/s ({part:.0%} of what the ORM can)", plots.distribution(found))
        )
    section.data = {
        "rates": medians,
        "rounds": {
            query: {name: [[*sample.load, sample.cpu] for sample in found[name]] for name in ALL}
            for query, found in saturated.items()
        },
        "latencies": {
            f"{query} at {rate:.0f}/s": {name: quantiles(each) for name, each in found.items()}
            for (query, _), (found, rate) in rates.items()
        },
        "levels": levels,
    }
