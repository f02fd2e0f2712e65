"""How fast projections are: ``python -m tests.performance.bench_projections``.

One worker process of ours, the projection runner of the library eventsourcing and a bare loop do the same work, turn
and turn about, on the same PostgreSQL: the same events into tables of the same make. Then a rebuild of a long history,
the memory of a worker over many batches, and the cost of an event in a small and in a large store.
"""

from __future__ import annotations

import argparse
import json
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
from threading import Thread
from typing import Any

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
from workers.launcher.postgres import EmbeddedPostgres

#: What is to be reached, as in the README.
TARGETS = {
    "engine : eventsourcing": 20.0,
    "engine : bare loop": 0.5,
    "rebuild events/s": 20_000.0,
    "worker MB": 200.0,
    "cost large : small": 1.25,
}

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
    for shard in sorted(store.log.heads()):
        assert not engine.catch_up(shard, seconds=3600).failed


def compare(store: Store, rounds: int) -> dict[str, float]:
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
    rates = {name: (last if name == "eventsourcing" else events) / statistics.median(t) for name, t in times.items()}
    for name, rate in rates.items():
        print(f"  {name:15} {rate:10,.0f} events/s   ({', '.join(f'{each:.2f}' for each in times[name])} s)")
    return {f"engine : {name}": rates["engine"] / rates[name] for name in ("eventsourcing", "bare loop")}


def rebuild(store: Store, name: str, hands: int = 2) -> float:
    """Rebuild a projection of the whole log; return the events per second, begin to cut-over."""
    rebuilder = Rebuilder(store.pool, store.log, PROJECTIONS)

    def work() -> None:
        while rebuilder.drive(name, seconds=1):
            pass

    def run() -> None:
        rebuilder.start(name)
        threads = [Thread(target=work) for _ in range(hands)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    took = seconds(run)
    progress = rebuilder.progress(name)
    assert progress["state"] == "done", progress
    rate = progress["events"] / took
    print(f"  rebuild of {name:17} {rate:10,.0f} events/s   ({progress['events']:,} events in {took:.1f} s)")
    return rate


def work(url: str, batch_size: int, results: Any) -> None:
    """A worker process of its own, whose memory is looked at after a tenth of its batches and after all of them."""
    store = Store(url)
    engine = ProjectionEngine(store.pool, store.log, PROJECTIONS, batch_size=batch_size)
    shards, batches, early = sorted(store.log.heads()), 0, 0
    for number, shard in enumerate(shards):
        while engine.run(shard).applied:
            batches += 1
        if number == len(shards) // 10:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results.put((batches, early, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    store.pool.close()


def memory(store: Store) -> float:
    """Let a process fold the whole log in all projections; return the most memory it ever had, in MB."""
    results = spawn.Queue()
    process = spawn.Process(target=work, args=(store.url, 100, results))
    process.start()
    batches, early, late = results.get(timeout=3600)
    process.join()
    unit = 1024 if sys.platform == "linux" else 1024**2
    print(f"  a worker after {batches:,} batches: {late / unit:,.0f} MB at most, {early / unit:,.0f} MB after a tenth")
    return float(late / unit)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="in the long history")
    parser.add_argument("--compared", type=int, default=20_000, help="events that the three fold in each round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    server = os.environ.get("DATABASE_URL")
    found: dict[str, float] = {}
    print("The same events into the same table, one after the other:")
    with store(server) as small:
        happen(small.pool, options.compared // 5, tenants=20, workspaces=False)
        found |= compare(small, options.rounds)
    with store(server) as small:
        happen(small.pool, 0, tenants=20)
        cheap = cost(small, first=5)
        print(f"The cost of an event in a store of {small.count():,}: {cheap:.0f} µs in all projections")
    with store(server) as large:
        happen(large.pool, options.events // 6)
        print(f"A history of {large.count():,} events:")
        found["worker MB"] = memory(large)
        found["rebuild events/s"] = min(rebuild(large, projection.name) for projection in PROJECTIONS)
        dear = cost(large, first=options.events // 6 // 5 * 5 + 5)
        print(f"The cost of an event in a store of {large.count():,}: {dear:.0f} µs in all projections")
        found["cost large : small"] = dear / cheap
    print()
    for name, target in TARGETS.items():
        good = found[name] <= target if name in ("worker MB", "cost large : small") else found[name] >= target
        print(f"{name:25} {found[name]:12,.2f}   target {target:10,.2f}   {'reached' if good else 'MISSED'}")
    print(json.dumps({"benchmark": "projections", **{name: round(value, 3) for name, value in found.items()}}))


if __name__ == "__main__":
    main()
