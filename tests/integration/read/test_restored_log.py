"""The log is not the one that was folded."""

from __future__ import annotations

import pytest

from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.errors import LogDiverged
from tests.integration.read.engines import catch_up, engine_on
from tests.story import MemoryEventLog, Story


class RestoredLog(MemoryEventLog):
    """A log that was put back to an earlier state."""

    def __init__(self, story: Story, head: int) -> None:
        super().__init__()
        for shard, events in story.events.items():
            self.events[shard] = events[:head]


def test_a_checkpoint_past_the_head_stops_the_shard(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    story.user(tenant)
    catch_up(engine_on(engine_pool, story), story)

    engine = engine_on(engine_pool, RestoredLog(story, head=1))

    with pytest.raises(LogDiverged, match=r"projections start-over"):
        engine.run(shard_of(tenant))
    assert {shown["state"] for shown in engine.status()} == {"diverged"}


def test_a_log_that_went_on_differently_stops_the_shard(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    story.user(tenant)
    catch_up(engine_on(engine_pool, story), story)
    restored = RestoredLog(story, head=1)
    other = Story(seed=5)
    for _ in range(4):
        other.registered(tenant)
    restored.events[shard_of(tenant)] += other.events[shard_of(tenant)]

    with pytest.raises(LogDiverged):
        engine_on(engine_pool, restored).run(shard_of(tenant))
