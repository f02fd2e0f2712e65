"""Several pieces of the log in one transaction, as a rebuild folds them."""

from __future__ import annotations

import pytest

from domain.model.event import RecordedEvent
from domain.model.event_log import Interest
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.errors import LogDiverged
from domain.read.failure import Policy
from domain.read.progress import Progress
from domain.read.projections import PROJECTIONS
from domain.read.projections.users import users
from tests.integration.read.conftest import folded_in_memory, rows_in
from tests.integration.read.engines import catch_up
from tests.integration.read.poison import exception, parked, sequential_fold
from tests.integration.read.test_engine import CountingLog
from tests.integration.read.test_invalidation import Heard
from tests.story import MemoryEventLog, Story, random_story


def engine_on(pool: Pool, log: MemoryEventLog, batch_size: int = 3, pieces: int = 4) -> ProjectionEngine:
    return ProjectionEngine(pool, log, PROJECTIONS, batch_size, policy=Policy(), pieces=pieces)


def versions_written(pool: Pool, table: str) -> int:
    """How many versions of rows PostgreSQL has been given; none is vacuumed away within a test."""
    with pool.cursor() as cursor:
        cursor.execute(f"SELECT max((ctid::text::point)[1]) FROM read_schema.{table}")
        return int((cursor.fetchone() or (0,))[0])


@pytest.mark.parametrize(("batch_size", "pieces"), [(1, 1000), (7, 3), (50, 20)])
def test_the_rows_are_those_of_a_plain_fold(engine_pool: Pool, batch_size: int, pieces: int) -> None:
    story = random_story(seed=batch_size, length=600, tenants=5)

    applied = catch_up(engine_on(engine_pool, story, batch_size, pieces), story)

    assert applied == sum(story.heads().values())
    assert rows_in(engine_pool) == folded_in_memory(story)


def test_a_row_that_many_events_touch_is_written_once(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    user = story.registered(tenant)
    for number in range(9):
        story.happens("user.updated", tenant, user, first_name=f"Ada {number}")

    assert engine_on(engine_pool, story).run(shard_of(tenant)) == Progress(applied=11, behind=False)
    assert rows_in(engine_pool) == folded_in_memory(story)
    assert versions_written(engine_pool, "user_projections") == 1


def test_so_many_pieces_are_one_transaction(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    for _ in range(16):
        story.registered(tenant)
    log = CountingLog(story)

    assert engine_on(engine_pool, log).run(shard_of(tenant)) == Progress(applied=12, behind=True)
    assert log.reads == [(0, 3), (2, 4), (5, 4), (8, 4)]
    assert engine_on(engine_pool, log).run(shard_of(tenant)) == Progress(applied=5, behind=False)


def test_a_transaction_that_holds_many_rows_ends(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    for _ in range(6600):
        story.registered(tenant)
    engine = ProjectionEngine(engine_pool, story, [users], 1000, pieces=20)

    assert engine.run(shard_of(tenant)) == Progress(applied=6000, behind=True)


def test_what_fails_in_a_later_piece_parks_its_aggregate_alone(engine_pool: Pool) -> None:
    story = random_story(seed=8, length=60, tenants=1)
    (shard,) = story.heads()
    tenant = story.events[shard][0].tenant_id
    failing = story.user(tenant)
    exception(story, shard)
    for _ in range(20):
        story.user(tenant)

    progress = engine_on(engine_pool, story, batch_size=5).catch_up(shard, seconds=60)

    assert progress.applied == story.head(shard)
    assert parked(engine_pool).keys() == {("users", failing)}
    assert rows_in(engine_pool) == sequential_fold(story, {("users", failing): 2})


def test_where_a_cache_is_told_each_piece_is_a_transaction_and_no_event_is_read_twice(
    engine_pool: Pool, story: Story
) -> None:
    tenant, heard = story.tenant(), Heard()
    for _ in range(7):
        story.registered(tenant)
    log = CountingLog(story)
    engine = ProjectionEngine(engine_pool, log, PROJECTIONS, 3, invalidator=heard, pieces=4)

    assert [engine.run(shard_of(tenant)).applied for _ in range(3)] == [3, 3, 2]
    assert heard.positions == list(range(1, 9))
    assert log.reads == [(0, 3), (2, 4), (5, 4)]


class Restored(CountingLog):
    """A log that is put in the place of a longer one after the first piece was read."""

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> list[RecordedEvent]:
        return [] if self.reads else super().read(shard, after, limit, only)


def test_a_log_that_is_another_from_a_later_piece_on_is_folded_up_to_there(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    for _ in range(5):
        story.registered(tenant)
    engine = engine_on(engine_pool, Restored(story))

    assert engine.run(shard_of(tenant)).applied == 3
    with pytest.raises(LogDiverged):
        engine.run(shard_of(tenant))
