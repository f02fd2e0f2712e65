"""Events that no projection can fold: only their aggregate stops, until it is mended or the event is skipped."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import orjson
import psycopg2
import pytest
from psycopg2.extras import execute_values

from domain.model.event import RecordedEvent
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.dead_letters import DeadLetters
from domain.read.engine import SESSION, ProjectionEngine
from domain.read.errors import is_transient
from domain.read.failure import Policy
from domain.read.projections import PROJECTIONS
from domain.write.postgres_store import PostgresEventStore
from tests.e2e.comparison import stored
from tests.faults.scale import scaled
from tests.integration.read import poison
from tests.integration.read.poison import Poison, execute, limit_names, make_due, parked, sequential_fold
from tests.story import Story

pytestmark = pytest.mark.fault

BATCH = 10
POLICY = Policy(max_attempts=3, pause_threshold=20, retry_seconds=1000.0)

#: Where in a batch of users' events the bad one lies.
PLACES = {"first": 0, "middle": BATCH // 2, "last": BATCH - 1}


def too_big_to_decode(story: Story, shard: int) -> RecordedEvent:
    """JSON as PostgreSQL takes it, with a number that no float can hold."""
    return poison._changed(story, shard, event_type="user.updated", payload=Raw('{"last_name": 1e400}'))


class Raw(str):
    """JSON to be stored as it is."""


KINDS: dict[Poison, str] = {**poison.KINDS, too_big_to_decode: "EventNotReadable"}


class World:
    """A story that is in the event store, and workers that fold it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.story = Story()
        self.pool = Pool(url, settings=SESSION, size=10)
        self.log = PostgresEventStore(Pool(url))
        self.letters = DeadLetters(self.pool, self.log)
        self._stored: dict[int, int] = {}

    def close(self) -> None:
        self.pool.close()
        self.log._pool.close()

    def engine(self) -> ProjectionEngine:
        return ProjectionEngine(self.pool, self.log, PROJECTIONS, BATCH, policy=POLICY)

    def store(self) -> None:
        """Bring what has been told into the event store, one shard after the other."""
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            for shard, events in list(self.story.events.items()):
                new = events[self._stored.get(shard, 0) :]
                # Each shard has one tenant here.
                cursor.execute("SELECT set_config('app.tenant_id', %s, true)", (events[0].tenant_id,))
                cursor.execute("UPDATE write_schema.shards SET head = head + %s WHERE shard = %s", (len(new), shard))
                execute_values(cursor, "INSERT INTO write_schema.domain_events VALUES %s", map(_row, new))
                connection.commit()
                self._stored[shard] = len(events)

    def fold(self, workers: int = 2) -> None:
        """Let several workers do all there is to do."""
        with ThreadPoolExecutor(workers) as threads:
            for each in [threads.submit(self._work, self.engine()) for _ in range(workers)]:
                each.result(60)

    def _work(self, engine: ProjectionEngine) -> None:
        while shards := {*engine.lagging_shards(), *engine.due_shards()}:
            for shard in shards:
                try:
                    engine.catch_up(shard)
                except Exception as error:
                    if not is_transient(error):
                        raise

    def skip_all(self) -> dict[str, dict[str, set[int]]]:
        """Skip every event that fails; return which, by projection and aggregate."""
        skipped: dict[str, dict[str, set[int]]] = {}
        for letter in self.letters.page(limit=1000).letters:
            self.letters.skip(letter.id, "It can't be told.", "ops")
            skipped.setdefault(letter.projection, {}).setdefault(letter.aggregate_id, set()).add(letter.version)
        return skipped

    def assert_all_is_folded_but(self, *poisoned: RecordedEvent, skipped: Any = None) -> None:
        """No checkpoint lags, and the rows are those of a plain fold without what waits."""
        waiting = {(name, event.aggregate_id): event.version for event in poisoned for name in _failing(event)}
        assert {key: row["version"] for key, row in parked(self.pool).items()} == waiting
        assert self.engine().lagging_shards() == []
        assert stored(self.pool) == sequential_fold(self.log, waiting, skipped)


def _failing(event: RecordedEvent) -> Sequence[str]:
    """The projections in which *event* fails: those that know its type only if they can read it."""
    unreadable = event.schema_version > 1 or event.event_type == "user.exploded" or isinstance(event.payload, str)
    return ("users", "tenant_summaries") if unreadable else ("users",)


def _row(event: RecordedEvent) -> tuple[Any, ...]:
    payload = event.payload if isinstance(event.payload, Raw) else orjson.dumps(event.payload).decode()
    return (*event[:10], payload, orjson.dumps(event.metadata).decode())


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    limit_names(database_url)
    yield made
    made.close()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_at_any_place_of_a_batch_only_its_aggregate_stops_and_goes_on_once_it_is_skipped(
    world: World, kind: Poison
) -> None:
    # Given on three shards a batch with a bad event in another place, and later events of all its users.
    story, bad, tenants = world.story, [], {}
    for place in PLACES.values():
        tenant = story.tenant()
        tenants[tenant] = users = [story.registered(tenant) for _ in range(BATCH - 1)]
        users.insert(place, story.registered(tenant))
    world.store()
    world.fold()
    for (tenant, users), place in zip(tenants.items(), PLACES.values(), strict=True):
        for number, user in enumerate(users):
            story.activated(tenant, user)
            if number == place:
                bad.append(kind(story, shard_of(tenant)))
        for user in users:
            story.happens("user.updated", tenant, user, avatar="https://example.com/later.png")
    world.store()

    # When workers fold it, only the three aggregates stop, each at its bad event.
    world.fold()
    world.assert_all_is_folded_but(*bad)
    assert {row["error_class"] for row in parked(world.pool).values()} == {KINDS[kind]}

    # When they are tried again they fail again, and in the end they are dead letters.
    for attempts in (2, 3):
        make_due(world.pool)
        world.fold()
        assert {row["attempts"] for row in parked(world.pool).values()} == {attempts}
    world.assert_all_is_folded_but(*bad)
    assert len(world.letters.page(state="dead").letters) == len(parked(world.pool))
    shown = world.letters.show(world.letters.page(projection="users").letters[0].id)
    assert [event.version for event in shown.waiting] == [3]

    # When they are skipped while new events arrive, they go on behind the skipped ones.
    def arrive() -> None:
        for number in range(scaled(10, 100)):
            for tenant, users in tenants.items():
                for user in users:
                    story.happens("user.updated", tenant, user, avatar=f"https://example.com/{number}.png")
            world.store()

    with ThreadPoolExecutor(2) as threads:
        arriving = threads.submit(arrive)
        skipped = world.skip_all()
        while not arriving.done():
            world.fold()
        arriving.result()
    world.fold()
    world.assert_all_is_folded_but(skipped=skipped)
    with world.pool.cursor() as cursor:
        cursor.execute("SELECT count(*), min(reason), min(skipped_by) FROM read_schema.skipped_events")
        assert cursor.fetchone() == (3 * len(_failing(bad[0])), "It can't be told.", "ops")


def test_a_mended_aggregate_is_released_in_order_while_its_new_events_arrive_and_workers_are_cut_off(
    world: World,
) -> None:
    # Given aggregates that stand still because of a rule of the database.
    story, users = world.story, list[tuple[str, str]]()
    for _ in range(4):
        tenant = story.tenant()
        users += [(tenant, story.registered(tenant)) for _ in range(4)]
    for tenant, user in users:
        story.happens("user.updated", tenant, user, first_name="A" * 200)
        for number in range(3 * BATCH):
            story.happens("user.updated", tenant, user, last_name=f"Waits {number}")
    world.store()
    world.fold()
    assert len(parked(world.pool)) == len(users)

    # When the rule is gone, and events go on to arrive, and connections are killed.
    execute(world.url, "ALTER TABLE read_schema.user_projections ALTER first_name TYPE text")
    stop = threading.Event()

    def arrive() -> None:
        for number in range(scaled(20, 300)):
            for tenant, user in users:
                story.happens("user.updated", tenant, user, last_name=f"New {number}")
            world.store()

    def cut_off() -> None:
        while not stop.wait(0.1):
            execute(
                world.url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name = 'cqrs' AND state <> 'idle' AND random() < 0.3 AND query LIKE '%%read_schema%%'",
            )

    make_due(world.pool)
    with ThreadPoolExecutor(2) as threads:
        arriving, cutting = threads.submit(arrive), threads.submit(cut_off)
        try:
            while not arriving.done():
                _again(world.fold)
        finally:
            stop.set()
        arriving.result()
        cutting.result()

    # Then nothing is parked and the rows are those of a plain fold.
    make_due(world.pool)
    world.fold()
    world.assert_all_is_folded_but()


def _again(action: Any) -> None:
    try:
        action()
    except Exception as error:
        if not is_transient(error):
            raise


def test_two_hundred_at_once_pause_the_projection_and_park_nothing(world: World) -> None:
    # Given 200 users on four shards that fail alike, in all batches, among others that are well.
    story = world.story
    tenants = [story.tenant() for _ in range(4)]
    world.store()
    world.fold()
    for _ in range(50):
        for tenant in tenants:
            story.activated(tenant, story.registered(tenant))
            story.happens("user.updated", tenant, story.events[shard_of(tenant)][-1].aggregate_id, first_name="A" * 200)
    world.store()

    # When workers fold them, no more are parked than the threshold lets through, and the projection says why.
    world.fold()
    assert len(parked(world.pool)) < POLICY.pause_threshold + BATCH
    with world.pool.cursor() as cursor:
        cursor.execute("SELECT state, error_class FROM read_schema.projections WHERE name = 'users'")
        assert cursor.fetchone() == ("paused", "StringDataRightTruncation")
    assert world.engine().lagging_shards() == []
    counted = stored(world.pool)["tenant_summary_projections"]
    assert counted == sequential_fold(world.log)["tenant_summary_projections"]

    # When the fault is gone a trial finds it out, and nothing is left behind.
    execute(world.url, "ALTER TABLE read_schema.user_projections ALTER first_name TYPE text")
    make_due(world.pool)
    world.fold()
    make_due(world.pool)
    world.fold()
    world.assert_all_is_folded_but()
