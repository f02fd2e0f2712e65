"""How fast projections are: ``python -m tests.performance.bench_projections``.

One worker process of ours, the projection runner of the library eventsourcing and a bare loop do the same work, turn
and turn about, on the same PostgreSQL: the same events into tables of the same make. Then a rebuild of a long history
by two processes and one COPY of the rows that come of it, with the same indexes; the memory of a worker over many
batches; and the cost of an event in a small and in a large store.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domain.garbage import collect_rarely
from domain.model.event import RecordedEvent
from domain.postgres.pool import Pool
from domain.read.engine import SESSION, ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.read.projections.users import users
from domain.read.rebuild.ddl import copy_indexes, copy_table
from domain.read.rebuild.rebuilder import Rebuilder
from domain.write.postgres_store import PostgresEventStore
from tests import servers
from tests.performance import bare_loop, eventsourcing_library
from tests.performance.history import happen
from tests.performance.results import Result, show
from workers.launcher.postgres import EmbeddedPostgres

#: What is to be reached: how many times as fast as the others, and as COPY; events in a second; the most memory in MB;
#: how many times the cost.
LIBRARY, BARE, COPY, REBUILD, MEMORY, COST = 20.0, 0.5, 0.3, 20_000.0, 200.0, 1.25

#: How many processes rebuild.
HANDS = 2

spawn = multiprocessing.get_context("spawn")


class Store:
    """A database with an event log and read models."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pool = Pool(url, settings=SESSION)
        self.log = PostgresEventStore(self.pool)

    def events(self) -> Iterator[RecordedEvent]:
        for shard, head in sorted(self.log.heads().items()):
            for after in range(0, head, 1000):
                yield from self.log.read(shard, after, 1000)

    def count(self) -> int:
        return sum(self.log.heads().values())

    def forget(self, projection: str, table: str) -> None:
        """Let a projection begin anew."""
        with self.pool.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table}")
            cursor.execute("DELETE FROM read_schema.projection_checkpoints WHERE projection = %s", (projection,))

    def digest(self, table: str) -> tuple[Any, ...]:
        """Tell whether two tables hold the same."""
        with self.pool.cursor() as cursor:
            cursor.execute(f"SELECT count(*), sum(hashtext(t::text)::bigint) FROM {table} t")
            return cursor.fetchone() or ()


@contextmanager
def store(server: str | None) -> Iterator[Store]:
    """A new store on the *server*, or on one of its own, in which no commit waits for the disk."""
    with tempfile.TemporaryDirectory() as directory:
        if server is None:
            with EmbeddedPostgres(Path(directory), durable=True) as embedded:
                yield from _migrated(embedded.url)
        else:
            yield from _migrated(server)


def _migrated(server: str) -> Iterator[Store]:
    databases = servers.Databases(server)
    with databases.migrated() as url:
        made = Store(url)
        with made.pool.cursor() as cursor:
            # Ours does so in any case; nobody shall be slower for waiting.
            cursor.execute("SELECT format('ALTER DATABASE %I SET synchronous_commit = off', current_database())")
            cursor.execute((cursor.fetchone() or ("",))[0])
        try:
            yield made
        finally:
            made.pool.close()
    databases.close()


def seconds(action: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def fold_all(store: Store, projections: Any = (users,), batch_size: int = 100) -> None:
    """What one thread of a worker does."""
    engine = ProjectionEngine(store.pool, store.log, projections, batch_size=batch_size)
    # Hints name the shards on which there is something to do, and no others.
    for shard in engine.lagging_shards():
        assert not engine.catch_up(shard, seconds=3600).failed


def compare(store: Store, rounds: int) -> list[Result]:
    """Let the three do the same work, turn and turn about."""
    table = "user_projections"
    tables = {
        "engine": f"read_schema.{table}",
        "eventsourcing": f"{eventsourcing_library.SCHEMA}.{table}",
        "bare loop": f"{bare_loop.SCHEMA}.{table}",
    }
    with store.pool.cursor() as cursor:
        for schema in (eventsourcing_library.SCHEMA, bare_loop.SCHEMA):
            cursor.execute(f"CREATE SCHEMA {schema}")
            copy_table(cursor, table, schema)
            copy_indexes(cursor, table, schema)
            # The walls between tenants are ours; the others are spared their cost.
            cursor.execute(f"ALTER TABLE {schema}.{table} DISABLE ROW LEVEL SECURITY")
    last = eventsourcing_library.record(store.url, (e for e in store.events() if e.aggregate_type == "user"))
    events = store.count()
    times: dict[str, list[float]] = {name: [] for name in tables}
    for _ in range(rounds):
        for name, made in tables.items():
            store.forget("users", made)
            eventsourcing_library.forget(store.pool)
            action = {
                "engine": lambda: fold_all(store),
                "eventsourcing": lambda: eventsourcing_library.project(store.url, last),
                "bare loop": lambda: bare_loop.project(store.pool),
            }[name]
            times[name].append(seconds(action))
        digests = {name: store.digest(made) for name, made in tables.items()}
        assert len(set(digests.values())) == 1, digests
    work = {name: last if name == "eventsourcing" else events for name in tables}
    rates = {name: work[name] / statistics.median(t) for name, t in times.items()}
    return [
        Result(
            f"projection : {name}",
            rates["engine"],
            "events/s",
            rates["engine"] / rates[name],
            target,
            beside={name: rates[name], "seconds": times},
        )
        for name, target in (("eventsourcing", LIBRARY), ("bare loop", BARE))
    ]


def rebuild(store: Store, name: str) -> list[Result]:
    """Rebuild a projection of the whole log, begin to cut-over, and COPY the rows that came of it."""
    rebuilder = Rebuilder(store.pool, store.log, PROJECTIONS)
    start = spawn.Barrier(HANDS + 1)
    hands = [spawn.Process(target=lend_a_hand, args=(store.url, name, start)) for _ in range(HANDS)]
    for hand in hands:
        hand.start()
    rebuilder.start(name)
    start.wait(60)

    def end() -> None:
        for hand in hands:
            hand.join()

    took = seconds(end)
    progress = rebuilder.progress(name)
    assert progress["state"] == "done", progress
    rate, copied = progress["events"] / took, copy(store, name)
    beside = {"events": progress["events"], "seconds": took, "seconds of COPY": copied}
    return [
        Result(f"rebuild of {name}", rate, "events/s", target=REBUILD, beside=beside),
        Result(f"rebuild of {name} : COPY of its rows", rate, "events/s", copied / took, COPY, beside=beside),
    ]


def lend_a_hand(url: str, name: str, start: Any) -> None:
    """What a worker process does in a rebuild."""
    store = Store(url)
    rebuilder = Rebuilder(store.pool, store.log, PROJECTIONS)
    collect_rarely()
    start.wait(60)
    while rebuilder.drive(name, seconds=1):
        pass
    store.pool.close()


def copy(store: Store, name: str) -> float:
    """Return the seconds that a COPY of the rows of a projection takes, with the making of the same indexes."""
    (projection,) = (each for each in PROJECTIONS if each.name == name)
    took = 0.0
    with store.pool.cursor() as cursor, tempfile.TemporaryFile() as rows:
        cursor.execute("SET statement_timeout = 0; DROP SCHEMA IF EXISTS bench_copy CASCADE; CREATE SCHEMA bench_copy")
        for table in projection.tables:
            rows.seek(0)
            rows.truncate()
            cursor.copy_expert(f"COPY (SELECT * FROM read_schema.{table.name}) TO STDOUT", rows)
            rows.seek(0)
            begun = time.perf_counter()
            copy_table(cursor, table.name, "bench_copy")
            cursor.execute(f"ALTER TABLE bench_copy.{table.name} DISABLE ROW LEVEL SECURITY")
            cursor.copy_expert(f"COPY bench_copy.{table.name} FROM STDIN", rows)
            copy_indexes(cursor, table.name, "bench_copy")
            took += time.perf_counter() - begun
        cursor.execute("DROP SCHEMA bench_copy CASCADE; RESET statement_timeout")
    return took


def work(url: str, batch_size: int, results: Any) -> None:
    """A worker process of its own, whose memory is looked at after a tenth of its batches and after all of them."""
    store = Store(url)
    engine = ProjectionEngine(store.pool, store.log, PROJECTIONS, batch_size=batch_size)
    shards, batches, early = sorted(store.log.heads()), 0, 0
    collect_rarely()
    for number, shard in enumerate(shards):
        while engine.run(shard).applied:
            batches += 1
        if number == len(shards) // 10:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results.put((batches, early, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    store.pool.close()


def memory(store: Store) -> Result:
    """Let a process fold the whole log in all projections; return the most memory it ever had."""
    results = spawn.Queue()
    process = spawn.Process(target=work, args=(store.url, 100, results))
    process.start()
    batches, early, late = results.get(timeout=3600)
    process.join()
    unit = 1024 if sys.platform == "linux" else 1024**2
    beside = {"batches": batches, "after a tenth": early / unit}
    return Result("memory of a worker", late / unit, "MB", target=MEMORY, at_most=True, beside=beside)


def cost(store: Store, first: int) -> float:
    """Let 1,000 more events happen to new users; return the microseconds that each takes in all projections."""
    samples = []
    for number in range(5):
        happen(store.pool, 166, first=first + number * 1000, tenants=20)
        events = store.count()
        with store.pool.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(position), 0) FROM read_schema.projection_checkpoints WHERE projection = 'users'"
            )
            events -= int((cursor.fetchone() or (0,))[0])
        samples.append(seconds(lambda: fold_all(store, PROJECTIONS)) / events * 1e6)
    return statistics.median(samples)


def run(*, short: bool = False, events: int = 1_000_000, compared: int = 20_000, rounds: int = 3) -> list[Result]:
    """Measure all. *events* are in the long history; the three fold *compared* events in each round."""
    if short:
        events, compared, rounds = 3000, 500, 1
    server = os.environ.get("DATABASE_URL")
    # As a worker does; the others shall have it too.
    collect_rarely()
    with store(server) as small:
        happen(small.pool, compared // 5, tenants=20, workspaces=False)
        results = compare(small, rounds)
    with store(server) as small:
        happen(small.pool, 0, tenants=20)
        cheap = cost(small, first=5)
    with store(server) as large:
        happen(large.pool, events // 6)
        results.append(memory(large))
        for projection in PROJECTIONS:
            results += rebuild(large, projection.name)
        dear = cost(large, first=events // 6 // 5 * 5 + 5)
        name = f"an event in a store of {large.count():,} : of a few thousand"
        results.append(Result(name, dear, "µs", dear / cheap, COST, at_most=True, beside={"µs": cheap}))
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="in the long history")
    parser.add_argument("--compared", type=int, default=20_000, help="events that the three fold in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="only see that it works")
    options = parser.parse_args()
    missed = show(run(**vars(options)))
    return 0 if options.short else missed


if __name__ == "__main__":
    sys.exit(main())
