"""How a shard that is behind is caught up."""

from __future__ import annotations

from domain.model.event import RecordedEvent
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

    def read(self, shard: int, after: int, limit: int) -> list[RecordedEvent]:
        self.limits.append(limit)
        return super().read(shard, after, limit)


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
