"""The log is not the one that was folded."""

from __future__ import annotations

import pytest

from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.errors import LogDiverged
from tests.integration.read.engines import catch_up, engine_on, status_of
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

    restored = RestoredLog(story, head=1)
    engine = engine_on(engine_pool, restored)

    with pytest.raises(LogDiverged, match=r"projections start-over"):
        engine.run(shard_of(tenant))
    told = status_of(engine_pool, restored)
    assert {(shown["state"], shown["lag"], shown["shards_diverged"]) for shown in told} == {("diverged", 0, 1)}


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
