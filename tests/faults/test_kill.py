"""Processes that are killed and frozen, and database sessions that are cut off, while clients send commands."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from domain.model.event import RecordedEvent
from domain.model.event_log import Interest
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.engine import SESSION, ProjectionEngine
from domain.read.errors import is_transient
from domain.read.projections import PROJECTIONS
from domain.write.postgres_store import PostgresEventStore
from tests.e2e.fleet import Fleet, signal_group, wait_for
from tests.faults import record
from tests.faults.clients import Load
from tests.faults.cutting import cutting
from tests.faults.outcome import assert_nothing_is_lost_or_doubled
from tests.faults.scale import LONG, scaled
from tests.integration.read.engines import status_of
from tests.integration.write.appends import append, registered, renamed, tenant_created

pytestmark = pytest.mark.fault

KILLS = scaled(5, 120)

#: Seconds that a worker is frozen: past the engine's idle_in_transaction_session_timeout and the sessions of Redis.
FREEZE = scaled(1, 15)

spawn = multiprocessing.get_context("spawn")


@pytest.mark.e2e
def test_whoever_is_killed_no_acknowledged_command_is_lost_and_nothing_applied_twice(
    database_url: str, redis_url: str, tmp_path: Path
):
    chance = random.Random(1)
    record.begin(database_url)
    with Fleet(database_url, redis_url, tmp_path).start_all(web=2, worker=2, clock=2) as fleet:
        with Load(fleet) as load, cutting(database_url, 0.2) as cuts:
            # When one process after the other is killed, the oldest of its kind, and another is started
            for kind in victims(chance):
                time.sleep(chance.uniform(0.2, 0.8))
                before = len(load.answers)
                replace(fleet, kind)
                if LONG:
                    wait_for(lambda before=before: len(load.answers) > before, 60, "commands to be answered again")
            # And a worker is frozen for a while
            frozen = fleet.running["worker"][0]
            signal_group(frozen, signal.SIGSTOP)
            time.sleep(FREEZE)
            signal_group(frozen, signal.SIGCONT)
            time.sleep(0.5)

        assert load.faults == []
        assert len(load.answers) > KILLS
        assert cuts[0] > 0
        assert_nothing_is_lost_or_doubled(database_url, load.answers, len(load.clients))
        print(f"{KILLS} kills, {cuts[0]} cuts, {len(load.answers)} commands, {repeated(load)} sent again")
        for process in (each for group in fleet.running.values() for each in group):
            fleet.kill(process)


def victims(chance: random.Random) -> list[str]:
    """Kinds of processes to be killed; each kind is among them."""
    some = ["web", "worker", "clock", *chance.choices(["web", "worker", "worker", "clock"], k=KILLS - 3)]
    chance.shuffle(some)
    return some


def replace(fleet: Fleet, kind: str) -> None:
    fleet.kill(fleet.running[kind].pop(0))
    fleet.start(kind)
    if kind == "web":
        fleet.urls.pop(0)


def repeated(load: Load) -> int:
    return sum(client.repeated for client in load.clients)


class Told:
    """A cache that is told what has changed, and remembers."""

    def __init__(self) -> None:
        self.positions: set[int] = set()

    def invalidate(self, events: Sequence[RecordedEvent]) -> None:
        self.positions.update(event.position for event in events)


def make_engine(url: str, **options) -> ProjectionEngine:
    session = SESSION | {"idle_in_transaction_session_timeout": "1s"}
    return ProjectionEngine(Pool(url, settings=session), PostgresEventStore(Pool(url)), PROJECTIONS, **options)


def close(engine: ProjectionEngine) -> None:
    engine._pool.close()
    engine._event_log._pool.close()  # type: ignore[attr-defined]


def happens(url: str, users: int = 5) -> str:
    """A tenant with some users, each renamed."""
    pool, tenant = Pool(url), "5f0c3b3e-6a9b-4a3b-9d5b-1f5f0f1f2f3f"
    store = PostgresEventStore(pool)
    store.append(append(tenant, tenant_created(tenant, users=100)))
    for _ in range(users):
        user = registered(tenant)
        store.append(append(tenant, user, renamed(user.aggregate_id, 2)))
    pool.close()
    return tenant


def fold_and_die(url: str, shard: int) -> None:
    """Fold one batch, and die between its commit and all that follows: the bell, the cache, the next hint."""
    make_engine(
        url, batch_size=4, invalidator=Told(), announce=lambda _: os.kill(os.getpid(), signal.SIGKILL)
    ).catch_up(shard)


def test_a_worker_that_dies_after_its_commit_leaves_what_follows_to_others(database_url: str):
    # Given a worker that died there, after four of eleven events
    record.begin(database_url)
    shard = shard_of(happens(database_url))
    worker = spawn.Process(target=fold_and_die, args=(database_url, shard))
    worker.start()
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL
    told = Told()
    engine = make_engine(database_url, invalidator=told)
    assert {each["applied"] for each in status_of(engine._pool, engine._event_log)} == {4}

    # When the others do what the clock finds, which does not need a hint
    wait_for(engine.due_shards, 5, "the cache's news to be due")
    assert engine.lagging_shards() == engine.due_shards() == [shard]
    engine.catch_up(shard)

    # Then everything is applied once, and the cache has heard of all of it, what was committed before included
    assert told.positions == set(range(1, 12))
    assert engine.lagging_shards() == engine.due_shards() == []
    record.assert_each_event_was_applied_once_and_in_order(database_url)
    close(engine)


class SlowStore(PostgresEventStore):
    """A log whose reader can be caught while it holds the shard."""

    reading: object

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> list[RecordedEvent]:
        self.reading.set()  # type: ignore[attr-defined]
        time.sleep(0.5)
        return super().read(shard, after, limit, only)


def fold_slowly(url: str, shard: int, reading, outcome) -> None:
    engine = make_engine(url)
    slow = SlowStore(Pool(url))
    slow.reading = reading
    engine._event_log = slow
    try:
        outcome.put(engine.run(shard).applied)
    except Exception as error:
        outcome.put("lost" if is_transient(error) else repr(error))


def test_a_worker_that_is_frozen_while_it_holds_a_shard_can_not_apply_it_later(database_url: str):
    # Given a worker that is frozen after it has taken the shard
    record.begin(database_url)
    shard = shard_of(happens(database_url))
    engine = make_engine(database_url)
    engine.run(shard)
    happens_again(database_url)
    reading, outcome = spawn.Event(), spawn.Queue()
    worker = spawn.Process(target=fold_slowly, args=(database_url, shard, reading, outcome))
    worker.start()
    assert reading.wait(30)
    os.kill(worker.pid, signal.SIGSTOP)  # type: ignore[arg-type]

    # When another has taken its place, as soon as the database ended the frozen one's transaction
    assert engine.run(shard).busy
    wait_for(lambda: engine.run(shard).applied, 10, "the shard to be free")
    os.kill(worker.pid, signal.SIGCONT)  # type: ignore[arg-type]

    # Then the first has lost what it had in hand
    assert outcome.get(timeout=30) == "lost"
    worker.join(10)
    assert engine.lagging_shards() == []
    record.assert_each_event_was_applied_once_and_in_order(database_url)
    close(engine)


def happens_again(url: str) -> None:
    pool, tenant = Pool(url), "5f0c3b3e-6a9b-4a3b-9d5b-1f5f0f1f2f3f"
    for _ in range(3):
        PostgresEventStore(pool).append(append(tenant, registered(tenant)))
    pool.close()
