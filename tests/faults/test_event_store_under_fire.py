"""Sixteen writers in four processes, rollbacks and killed connections, while readers follow the log."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from uuid import uuid4

import psycopg2
import pytest

from domain.model.errors import DomainError, EmailTaken, QuotaExceeded, Unavailable
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.write.event_store import Append
from domain.write.postgres_store import _SQL, PostgresEventStore
from domain.write.serialization import parameters
from tests.faults.scale import scaled
from tests.integration.write.appends import append, registered, renamed, tenant_created

pytestmark = pytest.mark.fault

PROCESSES, THREADS = 4, 4
#: Appends of each writer.
APPENDS = scaled(40, 1000)

spawn = multiprocessing.get_context("spawn")


def tenants_on(shards: int) -> list[str]:
    """Sixteen tenants, spread over that many shards."""
    found: dict[int, list[str]] = defaultdict(list)
    while len(found) < shards or min(len(ids) for ids in list(found.values())[:shards]) < 16 // shards:
        id = str(uuid4())
        if shard_of(id) in found or len(found) < shards:
            found[shard_of(id)].append(id)
    return [id for ids in found.values() for id in ids[: 16 // shards]]


def write(url: str, tenants: list[str], seed: int, results) -> None:
    """One process: four writers, each with a tenant, that append, roll back and are cut off."""
    pool = Pool(url, size=8, application_name="writer")
    store = PostgresEventStore(pool)
    acknowledged: list[tuple[int, int, str]] = []

    def writer(tenant: str, random: random.Random) -> None:
        for _ in range(APPENDS):
            user = registered(tenant)
            events = [user, *(renamed(user.aggregate_id, n) for n in range(2, random.randint(2, 5)))]
            if random.random() < 0.2:
                roll_back(pool, append(tenant, *events), random)
                continue
            try:
                last = store.append(append(tenant, *events))
            except Unavailable:
                continue
            first = last.offset - len(events) + 1
            acknowledged.extend((last.shard, first + n, new.event_id) for n, new in enumerate(events))

    threads = [Thread(target=writer, args=(t, random.Random(seed * 100 + n))) for n, t in enumerate(tenants)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(acknowledged)
    pool.close()


def roll_back(pool: Pool, append: Append, random: random.Random) -> None:
    """Append, hold the shard for a moment, and take it all back."""
    try:
        with pool.transaction() as cursor:
            cursor.execute(_SQL["append"], parameters(append))
            time.sleep(random.random() / 200)
            raise LookupError("changed my mind")
    except (LookupError, psycopg2.OperationalError, psycopg2.InterfaceError, Unavailable):
        return


@contextmanager
def killer(url: str) -> Iterator[None]:
    """Cut off a random writer's connection again and again."""
    stop = Event()

    def kill() -> None:
        pool = Pool(url, application_name="killer")
        while not stop.wait(0.02):
            with pool.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name = 'writer' ORDER BY random() LIMIT 1"
                )
        pool.close()

    thread = Thread(target=kill)
    thread.start()
    yield
    stop.set()
    thread.join()


class Follower(Thread):
    """Reads all shards as a projection would, each from where it got to, as soon as there is something."""

    def __init__(self, url: str, shards: set[int]) -> None:
        super().__init__()
        self.pool = Pool(url, application_name="reader")
        self.seen: dict[int, list[str]] = {shard: [] for shard in shards}
        self.faults: list[str] = []
        self.ends = Event()

    def run(self) -> None:
        store = PostgresEventStore(self.pool)
        while True:
            last_round = self.ends.is_set()
            for shard, seen in self.seen.items():
                for event in store.read(shard, len(seen), 50):
                    if event.position != len(seen) + 1:
                        self.faults.append(f"{event.at} came after {len(seen)}")
                    seen.append(event.event_id)
            if last_round and store.heads() == {shard: len(seen) for shard, seen in self.seen.items()}:
                break
        self.pool.close()


@pytest.mark.parametrize("shards", [1, 16])
def test_no_position_is_skipped_repeated_or_lost(database_url: str, shards: int):
    # Given sixteen tenants
    tenants = tenants_on(shards)
    pool = Pool(database_url)
    store = PostgresEventStore(pool)
    for tenant in tenants:
        store.append(append(tenant, tenant_created(tenant, users=10**6)))

    # When writers in several processes append, roll back and lose their connections, and readers follow
    followers = [Follower(database_url, {shard_of(tenant) for tenant in tenants}) for _ in range(2)]
    for follower in followers:
        follower.start()
    results = spawn.Queue()
    writers = [
        spawn.Process(target=write, args=(database_url, tenants[n * THREADS : (n + 1) * THREADS], n, results))
        for n in range(PROCESSES)
    ]
    with killer(database_url):
        for writer in writers:
            writer.start()
        acknowledged = [event for _ in writers for event in results.get(timeout=300)]
        for writer in writers:
            writer.join()
    for follower in followers:
        follower.ends.set()
        follower.join()

    # Then every reader saw each shard's positions one by one, and each acknowledged event at the position it was told
    assert acknowledged
    logs = {shard: store.read(shard, 0, 10**6) for shard in {shard_of(tenant) for tenant in tenants}}
    for follower in followers:
        assert follower.faults == []
        assert follower.seen == {shard: [event.event_id for event in log] for shard, log in logs.items()}
    for shard, log in logs.items():
        assert [event.position for event in log] == list(range(1, len(log) + 1))
        assert store.head(shard) == len(log)
    assert all(logs[shard][offset - 1].event_id == id for shard, offset, id in acknowledged)
    every_id = [event.event_id for log in logs.values() for event in log]
    assert len(set(every_id)) == len(every_id)
    pool.close()


def register_all(url: str, tenant: str, emails: list[str], start, results) -> None:
    """One process: register each address once, as soon as everybody is ready."""
    pool = Pool(url, size=4)
    store = PostgresEventStore(pool)
    store.head(0)
    start.wait()
    outcomes: list[str] = []
    for email in emails:
        try:
            store.append(append(tenant, registered(tenant, email)))
            outcomes.append("ok")
        except DomainError as error:
            outcomes.append(type(error).__name__)
    results.put(outcomes)
    pool.close()


def at_once(url: str, tenant: str, emails: list[list[str]]) -> list[list[str]]:
    start, results = spawn.Barrier(len(emails)), spawn.Queue()
    processes = [spawn.Process(target=register_all, args=(url, tenant, each, start, results)) for each in emails]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    return outcomes


def test_of_registrations_of_one_address_at_once_exactly_one_wins(database_url: str):
    pool = Pool(database_url)
    store, tenant = PostgresEventStore(pool), str(uuid4())
    store.append(append(tenant, tenant_created(tenant, users=10**6)))
    emails = [f"user-{n}@example.com" for n in range(scaled(50, 1000))]

    outcomes = at_once(database_url, tenant, [emails] * 4)

    for each in zip(*outcomes, strict=True):
        assert sorted(each) == [EmailTaken.__name__] * 3 + ["ok"]
    assert store.head(shard_of(tenant)) == 1 + len(emails)
    pool.close()


def test_a_quota_holds_to_the_last_unit_whoever_comes_at_once(database_url: str):
    pool = Pool(database_url)
    store, tenant, limit = PostgresEventStore(pool), str(uuid4()), scaled(57, 1501)
    store.append(append(tenant, tenant_created(tenant, users=limit)))

    outcomes = at_once(database_url, tenant, [[f"{p}-{n}@example.com" for n in range(limit // 2)] for p in range(4)])

    flat = [outcome for each in outcomes for outcome in each]
    assert flat.count("ok") == limit
    assert flat.count(QuotaExceeded.__name__) == len(flat) - limit
    assert store.head(shard_of(tenant)) == 1 + limit
    pool.close()
