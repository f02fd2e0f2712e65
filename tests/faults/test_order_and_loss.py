"""Eight writers and four threads of workers in two processes, while connections are cut and transactions roll back."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg2
import pytest

from domain.bootstrap import Container, bootstrap
from domain.read.errors import is_transient
from domain.settings import Settings
from domain.write.command_bus import CommandBus
from tests.e2e.comparison import assert_read_models_are_the_fold
from tests.faults import record
from tests.faults.commands import AWAY, Acknowledged, Home, build, storm
from tests.faults.cutting import cutting
from tests.faults.scale import scaled

pytestmark = pytest.mark.fault

WRITERS, WORKERS, THREADS = 8, 2, 2

#: Commands that are carried out in all; most are one event.
COMMANDS = scaled(2_000, 20_000)

spawn = multiprocessing.get_context("spawn")


def wired(url: str) -> Container:
    # No Redis: nothing listens at this address, so the hints and the bell are lost, all of them.
    environment = {"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0", "JWT_SECRET": "x" * 32}
    return bootstrap(Settings.from_environment(environment | {"PROJECTION_BATCH_SIZE": "20"}))


def work(url: str, ends) -> None:
    """One process: threads that fold whatever lags, until it is over and nothing does any more."""
    container = wired(url)
    engine = container.engine

    def fold(seed: int) -> None:
        chance = random.Random(seed)
        while True:
            last_round = ends.is_set()
            try:
                shards = engine.lagging_shards()
                for shard in chance.sample(shards, len(shards)):
                    engine.catch_up(shard, seconds=0.05)
                    if chance.random() < 0.1:
                        time.sleep(chance.random() / 100)
                if last_round and not shards:
                    return
            except Exception as error:
                if not is_transient(error) and not isinstance(error, AWAY):
                    raise

    threads = [threading.Thread(target=fold, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    container.close()


@contextmanager
def rolling_back(url: str, homes: list[Home]) -> Iterator[None]:
    """Append to a shard, hold it for a moment and take it all back, again and again."""
    stop = threading.Event()

    def roll_back() -> None:
        chance = random.Random(0)
        while not stop.wait(0.01):
            connection = psycopg2.connect(url, application_name="undecided")
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE write_schema.shards SET head = head + 3 WHERE shard = write_schema.shard_of(%s)",
                    (chance.choice(homes).tenant,),
                )
                time.sleep(chance.random() / 200)
            connection.rollback()
            connection.close()

    thread = threading.Thread(target=roll_back)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_every_projection_applies_every_event_once_and_in_order(database_url: str):
    # Given eight tenants with thirty aggregates
    record.begin(database_url)
    container = wired(database_url)
    bus = CommandBus(container.event_store)
    homes = build(bus)
    ends = spawn.Event()
    workers = [spawn.Process(target=work, args=(database_url, ends)) for _ in range(WORKERS)]

    # When eight writers change them while workers fold
    for worker in workers:
        worker.start()
    writers = ThreadPoolExecutor(WRITERS)
    try:
        with cutting(database_url, 0.03) as cuts, rolling_back(database_url, homes), writers:
            done = list(writers.map(lambda seed: storm(bus, homes, seed, COMMANDS // WRITERS), range(WRITERS)))
    finally:
        ends.set()
    acknowledged = [each for one in done for each in one]
    for worker in workers:
        worker.join(120)

    # Then nothing is lost, doubled or out of order
    assert [worker.exitcode for worker in workers] == [0] * WORKERS
    assert cuts[0] > 5
    assert len(acknowledged) == COMMANDS
    assert_all_are_in_the_log(container, acknowledged)
    applications = record.assert_each_event_was_applied_once_and_in_order(database_url)
    assert applications > 2 * COMMANDS
    assert_read_models_are_the_fold(database_url)
    container.close()


def assert_all_are_in_the_log(container: Container, acknowledged: list[Acknowledged]) -> None:
    """The event at each acknowledged position is the one that brought the aggregate to that version."""
    store = container.event_store
    logs = {shard: store.read(shard, 0, head) for shard, head in store.heads().items()}
    for id, version, position in acknowledged:
        event = logs[position.shard][position.offset - 1]
        # A command that had nothing to change answers with the aggregate's version at a position it had reached.
        assert event.position == position.offset
        assert (event.aggregate_id, event.version) == (id, version) or any(
            earlier.aggregate_id == id and earlier.version == version
            for earlier in logs[position.shard][: position.offset]
        )
