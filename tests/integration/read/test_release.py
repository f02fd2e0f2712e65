"""A parked aggregate comes back in order, whatever happens meanwhile."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.model.event import RecordedEvent
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from tests.integration.read import poison
from tests.integration.read.conftest import rows_in
from tests.integration.read.engines import engine_on
from tests.integration.read.poison import cure, make_due, parked, sequential_fold
from tests.story import MemoryEventLog, Story, random_story


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_a_release_folds_what_waited_in_order_and_then_nothing_is_parked(
    engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent], batch_size: int
) -> None:
    _tenant, _user, event = ada
    engine = engine_on(engine_pool, story, batch_size)
    engine.catch_up(event.shard)
    cure(story, event)
    make_due(engine_pool)

    assert engine.due_shards() == [event.shard]
    assert engine.catch_up(event.shard).released == 3

    assert rows_in(engine_pool) == sequential_fold(story)
    assert (parked(engine_pool), engine.due_shards()) == ({}, [])
    with engine_pool.cursor() as cursor:
        cursor.execute("SELECT sum(parked) FROM read_schema.projection_checkpoints")
        # Where nothing is parked nobody looks for it.
        assert cursor.fetchone() == (0,)


def test_a_release_that_gets_further_but_not_through_waits_from_there(
    engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent]
) -> None:
    tenant, user, event = ada
    story.happens("user.updated", tenant, user, first_name="Later")
    second = poison.unknown_type(story, event.shard)
    engine = engine_on(engine_pool, story)
    engine.catch_up(event.shard)
    make_due(engine_pool)
    engine.catch_up(event.shard)
    cure(story, event)
    make_due(engine_pool)

    assert set(engine.catch_up(event.shard).failed) == {"users", "tenant_summaries"}

    row = parked(engine_pool)["users", user]
    assert (row["version"], row["attempts"], row["error_class"]) == (second.version, 1, "UnknownEvent")
    waits = {("users", user): second.version, ("tenant_summaries", user): second.version}
    assert rows_in(engine_pool) == sequential_fold(story, waits)


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_events_that_arrive_during_a_release_come_after_it(engine_pool: Pool, batch_size: int) -> None:
    story = random_story(seed=4, length=150, tenants=1)
    (shard,) = story.heads()
    event = next(each for each in story.events[shard] if each.event_type == "user.updated")
    story.events[shard][event.position - 1] = event._replace(event_type="user.exploded")
    engine = engine_on(engine_pool, story, batch_size)
    engine.catch_up(shard)
    story.events[shard][event.position - 1] = event

    def arrive() -> None:
        for number in range(60):
            story.happens("user.updated", event.tenant_id, event.aggregate_id, last_name=f"Name {number}")

    make_due(engine_pool)
    with ThreadPoolExecutor(3) as threads:
        arriving = threads.submit(arrive)
        others = [threads.submit(_work, engine_on(engine_pool, story, batch_size), shard, arriving) for _ in range(2)]
        for each in others:
            each.result(30)

    assert engine.catch_up(shard).failed == ()
    assert parked(engine_pool) == {}
    assert rows_in(engine_pool) == sequential_fold(story)


def _work(engine: ProjectionEngine, shard: int, arriving: Any) -> None:
    while not arriving.done() or engine.lagging_shards() or engine.due_shards():
        engine.run(shard)


def test_a_worker_that_dies_in_the_middle_of_a_release_leaves_it_as_it_was(
    engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent]
) -> None:
    _tenant, _user, event = ada
    engine_on(engine_pool, story).catch_up(event.shard)
    cure(story, event)
    make_due(engine_pool)
    before = (rows_in(engine_pool), parked(engine_pool))

    class DyingLog(MemoryEventLog):
        events = story.events

        def read_aggregate(self, shard: int, *arguments: Any) -> Any:
            read = super().read_aggregate(shard, *arguments)
            with engine_pool.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE usename = current_user AND pid <> pg_backend_pid() AND state <> 'idle'"
                )
            return read

    with pytest.raises(Exception):  # noqa: B017, PT011 - What it is, psycopg2 decides.
        engine_on(engine_pool, DyingLog()).run(event.shard)

    assert (rows_in(engine_pool), parked(engine_pool)) == before
    assert engine_on(engine_pool, story).catch_up(event.shard).released == 3
    assert rows_in(engine_pool) == sequential_fold(story)


class BlockedRelease(MemoryEventLog):
    """A log in which whoever releases an aggregate has to wait."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self.events = story.events
        self.reading, self.go_on = threading.Event(), threading.Event()

    def read_aggregate(self, shard: int, *arguments: Any) -> list[RecordedEvent]:
        self.reading.set()
        assert self.go_on.wait(10)
        return super().read_aggregate(shard, *arguments)


def test_while_one_worker_releases_the_others_leave_the_shard_to_it(
    engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent]
) -> None:
    tenant, user, event = ada
    engine_on(engine_pool, story).catch_up(event.shard)
    cure(story, event)
    make_due(engine_pool)
    blocked = BlockedRelease(story)

    with ThreadPoolExecutor() as threads:
        first = threads.submit(engine_on(engine_pool, blocked).run, event.shard)
        assert blocked.reading.wait(10)
        story.happens("user.updated", tenant, user, first_name="New")
        second = engine_on(engine_pool, story).run(event.shard)
        blocked.go_on.set()

    assert (second.busy, second.applied) == (True, 0)
    assert first.result().released == 3
    engine_on(engine_pool, story).catch_up(event.shard)
    assert rows_in(engine_pool) == sequential_fold(story)
