"""The cache hears of every commit, at least once, and holds up nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from domain.model.event import RecordedEvent
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.failure import Policy
from domain.read.invalidation import InvalidationLag, Invalidator
from domain.read.projections import PROJECTIONS
from domain.read.rewrites import Rewrites
from domain.read.row_store import execute
from tests.integration.read import poison
from tests.integration.read.poison import make_due
from tests.integration.read.test_parking import _statements_of, cure
from tests.story import MemoryEventLog, Story


class Heard:
    """An invalidator that remembers, and can be out of reach."""

    def __init__(self) -> None:
        self.events: list[RecordedEvent] = []
        self.calls = 0
        self.down = False

    def invalidate(self, events: Sequence[RecordedEvent]) -> None:
        self.calls += 1
        if self.down:
            raise ConnectionError("a test")
        self.events += events

    @property
    def positions(self) -> list[int]:
        return [event.position for event in self.events]


class Killed(BaseException):
    """The worker dies."""


class Deadly(Heard):
    """The worker dies before the cache has heard."""

    def invalidate(self, *_: object) -> None:
        raise Killed


def engine_on(pool: Pool, log: MemoryEventLog, invalidator: Invalidator, batch_size: int = 100) -> ProjectionEngine:
    return ProjectionEngine(pool, log, PROJECTIONS, batch_size, policy=Policy(), invalidator=invalidator)


def marks(pool: Pool) -> set[tuple[int, bool]]:
    """How far the cache has heard by the checkpoints, and whether something is pending."""
    with pool.cursor() as cursor:
        cursor.execute("SELECT invalidated_position, pending_since IS NOT NULL FROM read_schema.projection_checkpoints")
        return set(cursor.fetchall())


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_every_event_is_told_once_after_its_commit(engine_pool: Pool, story: Story, batch_size: int) -> None:
    tenant = story.tenant()
    for _ in range(3):
        story.user(tenant)
    heard = Heard()

    engine_on(engine_pool, story, heard, batch_size).catch_up(shard_of(tenant))

    assert heard.positions == [1, 2, 3, 4, 5, 6, 7]
    assert marks(engine_pool) == {(7, False)}
    assert InvalidationLag(engine_pool).seconds() == 0


def test_the_rows_are_committed_before_the_cache_hears(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    seen: list[Any] = []

    class Looking(Heard):
        def invalidate(self, *_: object) -> None:
            with engine_pool.cursor() as cursor:
                cursor.execute("SELECT name FROM read_schema.tenant_summary_projections")
                seen.extend(cursor.fetchall())

    engine_on(engine_pool, story, Looking()).catch_up(shard_of(tenant))

    assert seen == [("Acme",)]


def test_a_worker_that_died_before_it_told_is_made_up_for(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    story.user(tenant)
    with pytest.raises(Killed):
        engine_on(engine_pool, story, Deadly()).catch_up(shard)
    heard = Heard()
    engine = engine_on(engine_pool, story, heard)
    pending = marks(engine_pool)
    time.sleep(1.1)

    assert pending == {(0, True)}
    assert InvalidationLag(engine_pool).seconds() > 1
    assert engine.due_shards() == [shard]
    engine.catch_up(shard)

    assert set(heard.positions) == {1, 2, 3}
    assert marks(engine_pool) == {(3, False)}
    assert engine.due_shards() == []


def test_with_the_cache_out_of_reach_folding_goes_on_and_nothing_is_lost(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    heard = Heard()
    heard.down = True
    engine = engine_on(engine_pool, story, heard, batch_size=2)
    for _ in range(5):
        story.user(tenant)

    assert engine.catch_up(shard).applied == 11
    # It is not asked again with each batch.
    assert heard.calls == 1
    first = InvalidationLag(engine_pool).seconds()
    story.user(tenant)
    engine.catch_up(shard)
    assert InvalidationLag(engine_pool).seconds() > first

    heard.down = False
    time.sleep(0.3)
    story.user(tenant)
    engine.catch_up(shard)
    assert sorted(set(heard.positions)) == list(range(1, 16))
    assert marks(engine_pool) == {(15, False)}


def test_a_long_absence_is_made_up_for_in_parts(
    engine_pool: Pool, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.read.invalidation._CHUNK", 3)
    monkeypatch.setattr("domain.read.invalidation._CHUNKS", 2)
    tenant = story.tenant()
    shard = shard_of(tenant)
    for _ in range(10):
        story.user(tenant)
    with pytest.raises(Killed):
        engine_on(engine_pool, story, Deadly()).run(shard)
    heard = Heard()
    engine = engine_on(engine_pool, story, heard)

    for _ in range(4):
        engine.catch_up(shard)

    assert sorted(set(heard.positions)) == list(range(1, 22))
    assert marks(engine_pool) == {(21, False)}


def test_a_release_is_told_past_the_checkpoint(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    user = story.user(tenant)
    event = poison.constraint(story, shard)
    story.happens("user.updated", tenant, user, first_name="Augusta")
    story.registered(tenant)
    heard = Heard()
    engine = engine_on(engine_pool, story, heard)
    engine.catch_up(shard)
    cure(story, event)
    make_due(engine_pool)
    heard.events.clear()

    engine.catch_up(shard)

    # Answers read at the checkpoint may show the old rows, so what was kept there must not be used either.
    assert [(each.aggregate_id, each.position) for each in heard.events] == [(user, 6), (user, 6)]
    assert InvalidationLag(engine_pool).seconds() == 0


def test_a_worker_that_died_after_a_release_is_made_up_for(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    user = story.user(tenant)
    event = poison.constraint(story, shard)
    engine_on(engine_pool, story, Heard()).catch_up(shard)
    cure(story, event)
    make_due(engine_pool)
    with pytest.raises(Killed):
        engine_on(engine_pool, story, Deadly()).run(shard)
    heard = Heard()
    engine = engine_on(engine_pool, story, heard)
    time.sleep(1.1)

    assert InvalidationLag(engine_pool).seconds() > 1
    assert engine.due_shards() == [shard]
    engine.catch_up(shard)

    assert {(each.aggregate_id, each.position) for each in heard.events} == {(user, 4)}
    assert engine.due_shards() == []


def test_rows_that_somebody_repaired_are_told(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    user = story.user(tenant)
    heard = Heard()
    engine = engine_on(engine_pool, story, heard)
    engine.catch_up(shard)
    heard.events.clear()
    with engine_pool.transaction() as cursor:
        execute(cursor, [Rewrites("read_schema").add("users", tenant, user, shard, 1)])

    engine.tell_rewrites(shard)

    assert [(each.version, each.position) for each in heard.events] == [(1, 4), (2, 4)]


def test_an_event_that_can_not_be_read_does_not_keep_the_others_from_being_told(
    engine_pool: Pool, story: Story
) -> None:
    tenant = story.tenant()
    story.user(tenant)
    poison.undecodable(story, shard_of(tenant))
    story.registered(tenant)
    heard = Heard()

    engine_on(engine_pool, story, heard).catch_up(shard_of(tenant))

    assert heard.positions == [1, 2, 4]
    assert marks(engine_pool) == {(4, False)}


def test_a_projection_that_comes_later_is_told_again(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    story.user(tenant)
    heard = Heard()
    ProjectionEngine(engine_pool, story, PROJECTIONS[:1], invalidator=heard).catch_up(shard)

    engine_on(engine_pool, story, heard).catch_up(shard)

    assert heard.positions == [1, 2, 3, 1, 2, 3]


def test_it_costs_one_statement_a_turn_and_nothing_without_a_cache(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    for engine in (ProjectionEngine(engine_pool, story, PROJECTIONS), engine_on(engine_pool, story, Heard())):
        # The session plans the statements of a turn.
        story.user(tenant)
        engine.catch_up(shard)

    counts = []
    for engine in (ProjectionEngine(engine_pool, story, PROJECTIONS), engine_on(engine_pool, story, Heard())):
        story.user(tenant)
        counts.append(len(_statements_of(lambda engine=engine: engine.catch_up(shard), engine_pool)))

    assert counts[1] == counts[0] + 1
