from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.model.errors import Unavailable
from domain.model.event import RecordedEvent
from domain.model.event_log import Interest
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.errors import is_transient
from domain.read.progress import Progress
from domain.read.projection import Projection
from domain.read.projections import PROJECTIONS
from domain.read.projections.tenant_summaries import tenant_summaries
from domain.read.projections.users import users
from tests.integration.read.conftest import Pools, folded_in_memory, rows_in
from tests.integration.read.engines import catch_up, engine_on, status_of
from tests.story import MemoryEventLog, Story, random_story


def checkpoints(pool: Pool) -> dict[tuple[int, str], int]:
    with pool.cursor() as cursor:
        cursor.execute("SELECT shard, projection, position FROM read_schema.projection_checkpoints")
        return {(shard, projection): position for shard, projection, position in cursor.fetchall()}


@pytest.mark.parametrize("batch_size", [1, 7, 100, 5000])
def test_the_rows_are_those_of_a_plain_fold(engine_pool: Pool, batch_size: int) -> None:
    story = random_story(seed=batch_size, length=600, tenants=5)

    applied = catch_up(engine_on(engine_pool, story, batch_size), story)

    assert applied == sum(story.heads().values())
    assert rows_in(engine_pool) == folded_in_memory(story)
    assert checkpoints(engine_pool) == {
        (shard, projection.name): head for shard, head in story.heads().items() for projection in PROJECTIONS
    }


def test_what_has_been_applied_is_not_applied_again(engine_pool: Pool) -> None:
    story = random_story(seed=1, length=200)
    engine = engine_on(engine_pool, story)

    catch_up(engine, story)

    assert catch_up(engine, story) == 0
    assert engine.run(next(iter(story.heads()))) == Progress()


def test_new_events_are_applied_from_the_checkpoint_on(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    engine = engine_on(engine_pool, story)
    catch_up(engine, story)

    story.user(tenant)

    assert engine.run(shard_of(tenant)).applied == 2
    assert rows_in(engine_pool) == folded_in_memory(story)


def test_one_batch_says_whether_there_may_be_more(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    for _ in range(4):
        story.registered(tenant)
    engine = engine_on(engine_pool, story, batch_size=3)

    assert engine.run(shard_of(tenant)) == Progress(applied=3, behind=True)
    assert engine.run(shard_of(tenant)) == Progress(applied=2, behind=False)


def test_catching_up_ends_with_its_time(engine_pool: Pool) -> None:
    story = random_story(seed=3, length=50, tenants=1)
    (shard,) = story.heads()

    progress = engine_on(engine_pool, story, batch_size=1).catch_up(shard, seconds=0)

    assert progress == Progress(applied=1, behind=True)


def test_a_shard_whose_events_concern_no_table_still_advances(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    engine = ProjectionEngine(engine_pool, story, [users])

    progress = engine.run(shard_of(tenant))

    assert progress.applied == 1
    assert checkpoints(engine_pool) == {(shard_of(tenant), "users"): 1}
    assert not engine.lagging_shards()


def test_an_empty_shard_has_nothing_to_apply(engine_pool: Pool) -> None:
    assert engine_on(engine_pool, MemoryEventLog()).catch_up(0) == Progress()


class CountingLog(MemoryEventLog):
    def __init__(self, story: Story) -> None:
        super().__init__()
        self.events = story.events
        self.reads: list[tuple[int, int]] = []

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> list[RecordedEvent]:
        self.reads.append((after, limit))
        return super().read(shard, after, limit, only)


def test_projections_at_the_same_checkpoint_share_one_read(engine_pool: Pool, story: Story) -> None:
    shard = shard_of(story.tenant())
    log = CountingLog(story)

    engine_on(engine_pool, log).run(shard)

    assert len(log.reads) == 1


def test_a_new_projection_catches_up_with_the_others_and_then_goes_on_with_them(
    engine_pool: Pool, story: Story
) -> None:
    tenant = story.tenant()
    for _ in range(7):
        story.registered(tenant)
    shard = shard_of(tenant)
    ProjectionEngine(engine_pool, story, [users], batch_size=5).run(shard)
    log = CountingLog(story)
    engine = engine_on(engine_pool, log, batch_size=100)

    engine.run(shard)
    positions = checkpoints(engine_pool)
    log.reads.clear()
    engine.run(shard)

    # The late ones stopped where the early one stood; it read on past them in the same run.
    assert positions == {(shard, "users"): 8, (shard, "workspaces"): 5, (shard, "tenant_summaries"): 5}
    assert set(checkpoints(engine_pool).values()) == {8}
    assert rows_in(engine_pool) == folded_in_memory(story)


class BlockedLog(MemoryEventLog):
    """A log whose reader has to wait."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self.events = story.events
        self.reading, self.go_on = threading.Event(), threading.Event()

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> list[RecordedEvent]:
        self.reading.set()
        assert self.go_on.wait(10)
        return super().read(shard, after, limit, only)


def test_a_shard_that_another_engine_has_in_hand_is_left_to_it(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    engine_on(engine_pool, story).run(shard)
    story.user(tenant)
    blocked = BlockedLog(story)

    with ThreadPoolExecutor() as threads:
        first = threads.submit(engine_on(engine_pool, blocked).run, shard)
        assert blocked.reading.wait(10)
        second = engine_on(engine_pool, story).run(shard)
        blocked.go_on.set()

    assert second == Progress(busy=True)
    assert first.result() == Progress(applied=2)


def test_many_engines_on_the_same_shards_apply_each_event_once(engine_pool: Pool) -> None:
    story = random_story(seed=11, length=800, tenants=3)
    applied: list[int] = []

    def work(_: int) -> None:
        engine = engine_on(engine_pool, story, batch_size=9)
        while engine.lagging_shards():
            applied.extend(engine.catch_up(shard).applied for shard in story.heads())

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))

    assert sum(applied) == 800
    assert rows_in(engine_pool) == folded_in_memory(story)


def poisoned(error: Exception) -> Projection:
    """A projection that fails on every registered user."""
    projection = Projection("poisoned")
    projection.owned = dict(users.owned)
    projection.tables = list(users.tables)
    projection.complete = frozenset()

    def fail(*_: Any) -> None:
        raise error

    projection.on("user.registered")(fail)
    return projection


def test_a_projection_that_fails_holds_up_no_other(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    story.registered(tenant)
    engine = ProjectionEngine(engine_pool, story, [tenant_summaries, poisoned(ValueError("It can't be told."))])

    progress = engine.catch_up(shard)

    assert (progress.applied, progress.failed) == (2, ("poisoned",))
    assert checkpoints(engine_pool) == {(shard, "tenant_summaries"): 2, (shard, "poisoned"): 2}
    summary = rows_in(engine_pool)["tenant_summary_projections"][tenant,]
    assert summary["total_users"] == 1


def test_a_row_that_the_database_refuses_stops_its_aggregate_alone(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    ada = story.registered(tenant)
    story.happens("user.updated", tenant, ada, first_name=None)
    engine = engine_on(engine_pool, story)

    progress = engine.catch_up(shard_of(tenant))

    assert (progress.applied, progress.failed) == (3, ("users",))
    assert rows_in(engine_pool)["user_projections"][tenant, ada]["event_version"] == 1
    assert checkpoints(engine_pool)[shard_of(tenant), "users"] == 3


def test_what_goes_away_by_itself_is_raised_and_changes_nothing(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    story.registered(tenant)
    engine = ProjectionEngine(engine_pool, story, [tenant_summaries, poisoned(Unavailable(reason="a test"))])

    with pytest.raises(Unavailable):
        engine.run(shard_of(tenant))

    assert checkpoints(engine_pool) == {}


def test_rows_and_checkpoint_are_lost_together_with_the_connection(
    engine_pool: Pool, pool: Pools, story: Story
) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    story.user(tenant)
    others = pool({})

    class CutLog(MemoryEventLog):
        def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> Sequence[RecordedEvent]:  # type: ignore[override]
            with others.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            return story.read(shard, after, limit, only)

    with pytest.raises(Exception) as caught:  # noqa: PT011 - What it is, psycopg2 decides; the next lines look at it.
        engine_on(engine_pool, CutLog()).run(shard)
    assert is_transient(caught.value)
    engine_on(engine_pool, story).catch_up(shard)

    assert rows_in(engine_pool) == folded_in_memory(story)


def test_lagging_shards_and_the_status_tell_how_far_it_is(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    engine = engine_on(engine_pool, story)
    before = engine.lagging_shards()
    catch_up(engine, story)
    story.user(tenant)

    assert before == [shard_of(tenant)] == engine.lagging_shards()
    told = status_of(engine_pool, story)
    assert [(shown["projection"], shown["state"], shown["applied"], shown["lag"]) for shown in told] == [
        (projection.name, "catching_up", 1, 2) for projection in PROJECTIONS
    ]


def test_who_has_not_got_the_first_checkpoint_of_a_shard_leaves_the_others_alone(
    engine_pool: Pool, story: Story
) -> None:
    # Given one who has only come to lock the first
    tenant = story.tenant()
    shard = shard_of(tenant)
    engine = engine_on(engine_pool, story)
    engine.run(shard)
    story.registered(tenant)
    with engine_pool.transaction() as cursor:
        cursor.execute(
            "SELECT FROM read_schema.projection_checkpoints WHERE shard = %s AND projection = %s FOR UPDATE",
            (shard, min(projection.name for projection in PROJECTIONS)),
        )

        # Then the two don't share out the projections, or both would read the same events
        assert engine.run(shard) == Progress(busy=True)
