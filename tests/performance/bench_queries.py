"""The eight queries over HTTP, beside the traditional applications and a bare callable that gives the same bytes.

All have the same data, the same PostgreSQL, the same WSGI server with the same settings, and the same tokens. That they
answer alike is checked before anything is timed. They are measured turn and turn about. Of all of them each web process
keeps to a processor of its own (WEB_CPU_AFFINITY) unless that is set to off.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from domain.postgres.pool import Pool
from domain.read.engine import SESSION
from tests.performance import bare_wsgi, plans, query_tables
from tests.performance.applications import Application, cpu_seconds, serve
from tests.performance.history import happen
from tests.performance.query_tables import ALL, BARE, L1, L2, ORM, SQL, UNCACHED, Sample
from tests.performance.questions import QUERIES, TABLE, Contents
from tests.performance.sections import Section
from tests.performance.sent import Load, Sent
from tests.performance.steady import steady
from tests.performance.traditional.equality import Differs, check
from tests.performance.traditional.filling import fill
from tests.performance.world import Machinery, World, world
from tests.performance.wrk import send

#: Connections of wrk; each has one request under way.
CONNECTIONS = 32

#: Of each run at saturation, and how often those of TABLE are run.
SECONDS, ROUNDS = 1.0, 3

#: How often all questions are put to the caches before they are measured.
PASSES = 10

#: Parts of what the ORM's application can do at most, as rates at which all are measured.
RATES = (0.5, 0.9)


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
        self._warm = False

    def saturated(self, query: str, asked: list[Sent], seconds: float, rounds: int) -> dict[str, list[Sample]]:
        """Measure all, one after the other, so many times."""
        found: dict[str, list[Sample]] = {name: [] for name in ALL}
        # All load their code and make their connections before they are measured.
        for name in (L2, L1) if self._warm else ALL:
            self._warm_up(name, asked)
        self._warm = True
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

    def _warm_up(self, name: str, asked: list[Sent]) -> None:
        # Which process a question comes to is left to chance. Of the caches each process has to have been asked each
        # question, and its memory for headers twice.
        wanted = PASSES * len(asked) if name in (L2, L1) else 1
        while wanted > 0:
            wanted -= round(self._send(name, asked, 1.0).rate)

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


def load_sample(world: World, *, short: bool) -> None:
    """The thousand users in five tenants, as commands through the API; in short a few of them, past it."""
    if not short:
        world.fleet.flask("load-sample", "--url", world.fleet.urls[0])
        return
    pool = Pool(world.database_url, settings=SESSION)
    happen(pool, 100, tenants=5)
    pool.close()


def run(machinery: Machinery, directory: Path, tick: Callable[[str], None], *, short: bool) -> Section:
    rounds = 1 if short else ROUNDS
    section = Section("Queries", __doc__ or "")
    with world(machinery, directory, "queries", WEB_CPU_AFFINITY=os.environ.get("WEB_CPU_AFFINITY", "on")) as here:
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
            for query in QUERIES if not short else TABLE[:1]:
                asked = contents.ask(query)
                saturated[query] = bench.saturated(query, asked, SECONDS, rounds if query in TABLE else 1)
                levels[query] = {name: bench.levels(name, asked) for name in (L1, L2)}
                if query in TABLE:
                    most = statistics.median(sample.load.rate for sample in saturated[query][ORM])
                    for part in RATES[:1] if short else RATES:
                        rates[query, part] = (
                            bench.at_rate(query, asked, most * part, 0.5 if short else 1.5),
                            most * part,
                        )
            tick("reading plans")
            section.appendix = plans.appendix(here, contents)
    query_tables.write(section, saturated, rates, levels)
    return section
