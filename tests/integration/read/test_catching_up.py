"""How a shard that is behind is caught up."""

from __future__ import annotations

from domain.model.event import RecordedEvent
from domain.model.event_log import Interest
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.projections import PROJECTIONS
from tests.integration.read.conftest import folded_in_memory, rows_in
from tests.story import Story


class ReadLog(Story):
    """A story that keeps in mind how many events it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[int] = []
        self.types: list[str] = []

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> list[RecordedEvent]:
        self.limits.append(limit)
        events = super().read(shard, after, limit, only)
        self.types += [event.event_type for event in events]
        return events


def test_a_shard_far_behind_is_caught_up_in_larger_batches(engine_pool: Pool):
    # Given 41 events
    story = ReadLog()
    tenant = story.tenant()
    for _ in range(20):
        story.user(tenant)
    (shard,) = story.heads()
    engine = ProjectionEngine(engine_pool, story, PROJECTIONS, batch_size=5)

    # When they are caught up with
    assert engine.catch_up(shard, seconds=60).applied == 41

    # Then the first batch is small, since most often it is all, the next are larger while they come full, and one that
    # doesn't is the last
    assert story.limits == [5, 26, 26]
    assert rows_in(engine_pool) == folded_in_memory(story)


def test_where_no_cache_is_told_only_the_events_are_read_that_are_folded(engine_pool: Pool):
    # Given a history of which a projection follows little
    story = ReadLog()
    tenant = story.tenant()
    for _ in range(4):
        story.user(tenant)
    workspace = story.workspace(tenant, story.user(tenant))
    for _ in range(4):
        story.user(tenant)
    (shard,) = story.heads()
    (followed,) = (each for each in PROJECTIONS if each.name == "workspaces")

    # When that one is brought up
    ProjectionEngine(engine_pool, story, [followed], batch_size=100).catch_up(shard)

    # Then the rest was not read, but for what begins and ends it, and still the checkpoint is at the head
    assert story.types == ["tenant.created", "workspace.created", "user.activated"]
    assert [key[1] for key in rows_in(engine_pool)["workspace_projections"]] == [workspace]
    with engine_pool.cursor() as cursor:
        cursor.execute("SELECT position FROM read_schema.projection_checkpoints WHERE shard = %s", (shard,))
        assert cursor.fetchall() == [(story.head(shard),)]
