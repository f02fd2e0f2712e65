"""A projection in which many aggregates fail alike is paused: the fault is not theirs."""

from __future__ import annotations

from typing import Any

import pytest

from domain.model.event import RecordedEvent
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.failure import Policy
from domain.read.projection_states import ProjectionState, ProjectionStates
from domain.read.projections import PROJECTIONS
from domain.read.switch import ProjectionSwitch
from tests.integration.read import poison
from tests.integration.read.conftest import rows_in
from tests.integration.read.poison import make_due, parked, sequential_fold
from tests.integration.read.test_engine import checkpoints
from tests.story import Story

THRESHOLD = 5


def engine_on(pool: Pool, story: Story, batch_size: int = 100, **policy: Any) -> ProjectionEngine:
    policy = {"pause_threshold": THRESHOLD, "retry_seconds": 100.0} | policy
    return ProjectionEngine(pool, story, PROJECTIONS, batch_size, policy=Policy(**policy))


def state(pool: Pool, name: str = "users") -> ProjectionState:
    with pool.cursor() as cursor:
        return ProjectionStates("read_schema").all(cursor, [name])[name]


def poisoned(story: Story, tenant: str, how_many: int) -> list[RecordedEvent]:
    """Add users that fail in the projection of users."""
    events = []
    for _ in range(how_many):
        story.activated(tenant, story.registered(tenant))
        events.append(poison.constraint(story, shard_of(tenant)))
    return events


def cure(story: Story, events: list[RecordedEvent]) -> None:
    for event in events:
        good = event._replace(payload={"last_name": "Cured"})
        story.events[event.shard][event.position - 1] = good


def test_many_that_fail_alike_in_one_batch_pause_the_projection_and_park_nothing(
    engine_pool: Pool, story: Story
) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    poisoned(story, tenant, 8)

    progress = engine_on(engine_pool, story).catch_up(shard)

    assert (progress.applied, progress.failed, progress.behind) == (17, ("users",), False)
    assert parked(engine_pool) == {}
    assert checkpoints(engine_pool) == {(shard, "users"): 0, (shard, "workspaces"): 17, (shard, "tenant_summaries"): 17}
    paused = state(engine_pool)
    assert (paused.state, paused.error_class, paused.changed_by) == ("paused", "NotNullViolation", "engine")
    assert paused.reason == "5 aggregates failed alike: NotNullViolation"


def test_one_fewer_is_parked(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    poisoned(story, tenant, THRESHOLD - 1)

    engine_on(engine_pool, story).catch_up(shard_of(tenant))

    assert (len(parked(engine_pool)), state(engine_pool).state) == (THRESHOLD - 1, "running")


def test_those_that_fail_differently_are_not_counted_together(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    poisoned(story, tenant, THRESHOLD - 1)
    for _ in range(THRESHOLD - 1):
        story.activated(tenant, story.registered(tenant))
        poison.exception(story, shard_of(tenant))

    engine_on(engine_pool, story).catch_up(shard_of(tenant))

    assert (len(parked(engine_pool)), state(engine_pool).state) == (2 * (THRESHOLD - 1), "running")


def test_many_that_fail_alike_in_several_batches_and_shards_pause_the_projection(
    engine_pool: Pool, story: Story
) -> None:
    tenants = [story.tenant() for _ in range(3)]
    for tenant in tenants:
        poisoned(story, tenant, 3)
    engine = engine_on(engine_pool, story, batch_size=3)

    for tenant in tenants:
        engine.catch_up(shard_of(tenant))

    assert len(parked(engine_pool)) == THRESHOLD - 1
    assert state(engine_pool).state == "paused"
    assert engine.lagging_shards() == engine.due_shards() == []


def test_a_paused_projection_holds_back_nothing_else(engine_pool: Pool, story: Story) -> None:
    tenant, other = story.tenant(), story.tenant()
    poisoned(story, tenant, THRESHOLD)
    engine = engine_on(engine_pool, story)
    engine.catch_up(shard_of(tenant))
    story.user(other)
    story.workspace(tenant, story.user(tenant))

    for shard in story.heads():
        engine.catch_up(shard)

    for shard, head in story.heads().items():
        assert (
            checkpoints(engine_pool)[shard, "workspaces"] == checkpoints(engine_pool)[shard, "tenant_summaries"] == head
        )
        assert checkpoints(engine_pool)[shard, "users"] == 0
    expected = sequential_fold(story, {("users", event.aggregate_id): 0 for event in story.events[shard_of(tenant)]})
    assert rows_in(engine_pool)["workspace_projections"] == expected["workspace_projections"]
    assert rows_in(engine_pool)["tenant_summary_projections"] == expected["tenant_summary_projections"]


def test_it_resumes_by_itself_once_a_trial_batch_passes(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    events = poisoned(story, tenant, THRESHOLD)
    engine = engine_on(engine_pool, story)
    engine.catch_up(shard)
    cure(story, events)
    too_early = (engine.due_shards(), engine.catch_up(shard).applied, state(engine_pool).state)

    make_due(engine_pool)
    due = engine.due_shards()
    engine.catch_up(shard)

    assert too_early == ([], 0, "paused")
    assert due == [shard]
    assert (state(engine_pool).state, state(engine_pool).reason) == ("running", "a trial batch passed")
    assert rows_in(engine_pool) == sequential_fold(story)


def test_a_trial_that_fails_waits_longer_and_parks_nothing(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    events = poisoned(story, tenant, THRESHOLD)
    engine = engine_on(engine_pool, story)
    engine.catch_up(shard)
    # One that still fails alike is enough: what was wrong is not right yet.
    cure(story, events[1:])

    for trials in (1, 2):
        make_due(engine_pool)
        assert engine.catch_up(shard).failed == ("users",)
        assert (state(engine_pool).state, state(engine_pool).trials) == ("paused", trials)
        assert engine.due_shards() == []

    assert parked(engine_pool) == {}


def test_resumed_by_hand_it_goes_on_or_pauses_again(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    events = poisoned(story, tenant, THRESHOLD)
    engine = engine_on(engine_pool, story)
    switch = ProjectionSwitch(engine_pool, ["users"])
    engine.catch_up(shard)

    switch.resume("users", "let us see", "ops")
    engine.catch_up(shard)
    again = state(engine_pool).state
    cure(story, events)
    switch.resume("users", "mended", "ops")
    lagging = engine.lagging_shards()
    engine.catch_up(shard)

    assert (again, lagging, state(engine_pool).state) == ("paused", [shard], "running")
    assert rows_in(engine_pool) == sequential_fold(story)


def test_resumed_to_park_it_parks_them_all(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    events = poisoned(story, tenant, 3 * THRESHOLD)
    engine = engine_on(engine_pool, story)
    engine.catch_up(shard_of(tenant))

    ProjectionSwitch(engine_pool, ["users"]).resume("users", "they are all bad", "ops", park=True)
    engine.catch_up(shard_of(tenant))

    assert len(parked(engine_pool)) == 3 * THRESHOLD
    assert rows_in(engine_pool) == sequential_fold(story, {("users", each.aggregate_id): 2 for each in events})


def test_paused_by_hand_it_is_not_tried_and_nothing_parked_is(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    cure_later = poisoned(story, tenant, 1)
    engine = engine_on(engine_pool, story)
    engine.catch_up(shard)
    ProjectionSwitch(engine_pool, ["users"]).pause("users", "maintenance", "ops")
    cure(story, cure_later)
    make_due(engine_pool)

    assert engine.due_shards() == []
    assert engine.catch_up(shard).released == 0
    assert len(parked(engine_pool)) == 1


@pytest.mark.parametrize("batch_size", [100, 3])
def test_a_trial_with_nothing_left_to_fold_passes(engine_pool: Pool, story: Story, batch_size: int) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    poisoned(story, tenant, THRESHOLD)
    engine = engine_on(engine_pool, story, batch_size, pause_threshold=1 if batch_size == 3 else THRESHOLD)
    engine.catch_up(shard)
    last = story.events[shard][-1]
    with engine_pool.cursor() as cursor:
        cursor.execute(
            "UPDATE read_schema.projection_checkpoints SET position = %s, event_id = %s WHERE projection = 'users'",
            (last.position, last.event_id),
        )
    make_due(engine_pool)

    engine.run(shard)

    assert state(engine_pool).state == "running"
