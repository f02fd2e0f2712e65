"""What an append costs: ``python -m tests.performance.bench_append``.

Sixteen processes, each with one connection of its own, append events of many tenants through the event store, and turn
and turn about write the same rows by a bare INSERT and COMMIT into a table of the same make: without positions in
order, without a look at versions, without walls between tenants. Commits wait for the disk in both.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson

from domain.bootstrap import COMMAND_SESSION
from domain.model.position import shard_of
from domain.model.users.events import UserUpdated
from domain.postgres.pool import Pool
from domain.write.event_store import Append, NewEvent
from domain.write.postgres_store import PostgresEventStore
from tests import servers
from tests.performance.results import Result, show
from workers.launcher.postgres import EmbeddedPostgres

#: What is to be reached: our appends for each bare INSERT.
TARGET = 0.6

CONNECTIONS, TENANTS = 16, 200

_INSERT = f"INSERT INTO bench_bare.domain_events VALUES ({', '.join(['%s'] * 12)})"

spawn = multiprocessing.get_context("spawn")

Writer = Callable[[Append], object]


def appends(tenants: Sequence[str], users: int = 50) -> Iterator[Append]:
    """Events of users of this process, version after version, without end."""
    ids = [(random.choice(tenants), str(uuid4())) for _ in range(users)]
    versions = dict.fromkeys((id for _, id in ids), 0)
    while True:
        tenant, id = random.choice(ids)
        before = versions[id]
        versions[id] += 1
        event = UserUpdated(changes={"first_name": "Ada", "last_name": f"Lovelace {before}"})
        yield Append(
            tenant_id=tenant,
            occurred_at=datetime.now(UTC),
            events=[NewEvent(str(uuid4()), "user", id, versions[id], event)],
            expected={id: before},
            metadata={
                "correlation_id": str(uuid4()),
                "causation_id": None,
                "actor_id": id,
                "command": "UpdateUser",
                "traceparent": None,
            },
        )


def bare(pool: Pool) -> Writer:
    """Write the rows of an append, and nothing else. The positions are any that nobody else has."""
    position = uuid4().int >> 81 << 16

    def write(append: Append) -> None:
        nonlocal position
        (new,) = append.events
        position += 1
        with pool.cursor() as cursor:
            cursor.execute(
                _INSERT,
                (
                    *(shard_of(append.tenant_id), position, new.event_id, append.tenant_id, new.aggregate_type),
                    *(new.aggregate_id, new.version, new.event.type, new.event.schema_version, append.occurred_at),
                    *(orjson.dumps(new.event.payload()).decode(), orjson.dumps(dict(append.metadata)).decode()),
                ),
            )

    return write


def ours(pool: Pool) -> Writer:
    return PostgresEventStore(pool).append


_WRITERS = {"append": ours, "bare INSERT": bare}


def work(url: str, tenants: Sequence[str], seconds: float, rounds: int, start: Any, counts: Any) -> None:
    """What one process does: write in each way in turn, each time when all are ready to *start*."""
    pool = Pool(url, settings=COMMAND_SESSION)
    ways = {kind: (make(pool), appends(tenants)) for kind, make in _WRITERS.items()}
    for write, events in ways.values():
        write(next(events))
    for turn in range(rounds):
        for kind, (write, events) in ways.items():
            start.wait()
            done, end = 0, time.perf_counter() + seconds
            while time.perf_counter() < end:
                write(next(events))
                done += 1
            counts.put((kind, turn, done))
    pool.close()


def rates(
    url: str, tenants: Sequence[str], connections: int, seconds: float, rounds: int
) -> Mapping[str, Sequence[float]]:
    """Events in a second by all processes together, in each way and round."""
    start, counts = spawn.Barrier(connections), spawn.Queue()
    processes = [
        spawn.Process(target=work, args=(url, tenants, seconds, rounds, start, counts)) for _ in range(connections)
    ]
    for process in processes:
        process.start()
    found = {kind: [0.0] * rounds for kind in _WRITERS}
    for _ in range(connections * rounds * len(_WRITERS)):
        kind, turn, done = counts.get(timeout=60 + seconds)
        found[kind][turn] += done / seconds
    for process in processes:
        process.join()
    return found


def measure(url: str, connections: int = CONNECTIONS, seconds: float = 4.0, rounds: int = 3) -> list[Result]:
    """Compare the two on the migrated, empty database at *url*."""
    pool = Pool(url)
    with pool.cursor() as cursor:
        cursor.execute(
            "CREATE SCHEMA bench_bare; "
            "CREATE TABLE bench_bare.domain_events (LIKE write_schema.domain_events INCLUDING ALL)"
        )
    pool.close()
    tenants = [str(UUID(int=random.getrandbits(128), version=4)) for _ in range(TENANTS)]
    found = rates(url, tenants, connections, seconds, rounds)
    ratio = statistics.median(mine / its for mine, its in zip(found["append"], found["bare INSERT"], strict=True))
    medians = {kind: statistics.median(each) for kind, each in found.items()}
    return [
        Result(
            f"append, {connections} connections, {TENANTS} tenants : bare INSERT",
            medians["append"],
            "events/s",
            ratio,
            TARGET,
            beside={"bare INSERT": medians["bare INSERT"], "rounds": found},
        )
    ]


def run(*, short: bool = False) -> list[Result]:
    """Measure on a server of our own, on which commits wait for the disk."""
    with tempfile.TemporaryDirectory() as directory, EmbeddedPostgres(Path(directory), durable=True) as server:
        servers.migrate(server.url)
        return measure(server.url, 2, 0.5, 1) if short else measure(server.url)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="only see that it works")
    short = parser.parse_args().short
    missed = show(run(short=short))
    return 0 if short else missed


if __name__ == "__main__":
    sys.exit(main())
