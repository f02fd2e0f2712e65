"""An aggregate that can't be folded stands still, alone, and comes back in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from domain.model.errors import Unavailable
from domain.model.event import RecordedEvent
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.dead_letters import DeadLetterNotFound, DeadLetters
from tests.integration.read import poison
from tests.integration.read.conftest import rows_in
from tests.integration.read.engines import engine_on
from tests.integration.read.poison import cure, make_due, parked, sequential_fold
from tests.story import Story


def test_the_events_before_the_one_that_fails_are_folded_and_those_after_it_wait(
    engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent]
) -> None:
    _tenant, user, event = ada

    progress = engine_on(engine_pool, story).catch_up(event.shard)

    assert (progress.applied, progress.failed) == (6, ("users",))
    assert parked(engine_pool)["users", user]["from_position"] == event.position
    assert rows_in(engine_pool) == sequential_fold(story, {("users", user): event.version})


def test_new_events_of_a_parked_aggregate_wait_behind_the_others(
    engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent]
) -> None:
    tenant, user, event = ada
    engine = engine_on(engine_pool, story)
    engine.catch_up(event.shard)

    story.happens("user.updated", tenant, user, first_name="Late")
    story.registered(tenant, "Mary")

    assert engine.catch_up(event.shard).applied == 2
    assert not engine.lagging_shards()
    assert rows_in(engine_pool) == sequential_fold(story, {("users", user): event.version})


def test_before_it_is_due_it_is_not_tried(engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent]) -> None:
    _, user, event = ada
    engine = engine_on(engine_pool, story)
    engine.catch_up(event.shard)
    cure(story, event)

    assert engine.due_shards() == []
    assert engine.catch_up(event.shard).released == 0
    assert parked(engine_pool)["users", user]["attempts"] == 1


def test_what_is_not_due_is_left_alone_where_something_else_is(
    engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent]
) -> None:
    tenant, user, event = ada
    story.activated(tenant, other := story.registered(tenant))
    poison.constraint(story, event.shard)
    engine = engine_on(engine_pool, story)
    engine.catch_up(event.shard)
    with engine_pool.cursor() as cursor:
        cursor.execute(
            "UPDATE read_schema.parked_aggregates SET next_attempt_at = now() WHERE aggregate_id = %s", (other,)
        )

    engine.catch_up(event.shard)

    assert {id: row["attempts"] for (_, id), row in parked(engine_pool).items()} == {user: 1, other: 2}


def test_a_retry_that_fails_again_waits_longer_and_in_the_end_it_is_a_dead_letter(
    engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent]
) -> None:
    _, user, event = ada
    engine = engine_on(engine_pool, story, max_attempts=3, retry_seconds=100.0)
    engine.catch_up(event.shard)

    pauses = [_pause(engine_pool)]
    for _ in range(2):
        make_due(engine_pool)
        assert engine.catch_up(event.shard).failed == ("users",)
        pauses.append(_pause(engine_pool))

    dead = parked(engine_pool)["users", user]
    assert (dead["attempts"], dead["dead_at"] is not None) == (3, True)
    assert 49 < pauses[0] <= 100 < pauses[1] * 1.01 <= 202
    assert pauses[2] is None
    make_due(engine_pool)
    assert engine.due_shards() == []


def _pause(pool: Pool) -> Any:
    with pool.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM next_attempt_at - last_attempt_at)::float FROM read_schema.parked_aggregates"
        )
        return (cursor.fetchone() or (None,))[0]


def test_an_event_that_fails_in_several_projections_is_parked_in_each(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    user = story.user(tenant)
    event = poison.undecodable(story, shard_of(tenant))
    engine = engine_on(engine_pool, story)

    engine.catch_up(event.shard)

    assert set(parked(engine_pool)) == {("users", user), ("tenant_summaries", user)}
    waits = {(name, user): event.version for name in ("users", "tenant_summaries")}
    assert rows_in(engine_pool) == sequential_fold(story, waits)


def test_rows_that_others_share_with_a_parked_aggregate_go_on(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    shard = shard_of(tenant)
    story.events[shard][0] = (bad := story.events[shard][0])._replace(payload={"name": "No plan"})
    users = [story.user(tenant) for _ in range(3)]
    story.happens("tenant.updated", tenant, tenant, name="Renamed")
    engine = engine_on(engine_pool, story)
    engine.catch_up(shard)
    counted = rows_in(engine_pool)["tenant_summary_projections"][tenant,]

    story.events[shard][0] = bad
    story.deactivated(tenant, users[0])
    make_due(engine_pool)
    engine.catch_up(shard)

    assert (counted["total_users"], counted["event_version"]) == (3, 0)
    assert rows_in(engine_pool) == sequential_fold(story)


def test_where_the_beginning_is_skipped_each_projection_goes_on_as_far_as_it_can(
    engine_pool: Pool, story: Story
) -> None:
    tenant = story.tenant()
    user = story.registered(tenant)
    event = poison.undecodable(story, shard_of(tenant))
    engine = engine_on(engine_pool, story)
    engine.catch_up(event.shard)
    letters = DeadLetters(engine_pool, story)
    for letter in letters.page().letters:
        letters.skip(letter.id, "It can't be told.", "ops")
    engine.catch_up(event.shard)
    released = parked(engine_pool)

    # Nothing says in the row that there was a first event, since there is no row.
    story.activated(tenant, user)
    engine.catch_up(event.shard)

    assert released == {}
    # A user without a name can't be shown, but it can be counted.
    assert set(parked(engine_pool)) == {("users", user)}
    summary = rows_in(engine_pool)["tenant_summary_projections"][tenant,]
    assert (summary["total_users"], summary["active_users"]) == (1, 1)


def test_what_is_skipped_is_the_event_that_was_looked_at(
    engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent]
) -> None:
    _, user, event = ada
    second = poison.unknown_type(story, event.shard)
    engine = engine_on(engine_pool, story)
    engine.catch_up(event.shard)
    letters = DeadLetters(engine_pool, story)
    seen = letters.page(projection="users").letters[0]
    cure(story, event)
    letters.retry(seen.id)
    engine.catch_up(event.shard)

    with pytest.raises(DeadLetterNotFound):
        letters.skip(seen.id, "too late", "ops")

    assert parked(engine_pool)["users", user]["version"] == second.version


def test_what_goes_away_by_itself_parks_nothing(
    engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, event = ada

    def down(*_: object) -> Sequence[Any]:
        raise Unavailable(reason="a test")

    with monkeypatch.context() as patched:
        patched.setattr("domain.read.isolation.fold", down)
        with pytest.raises(Unavailable):
            engine_on(engine_pool, story).run(event.shard)

    assert parked(engine_pool) == {}


def test_with_nothing_parked_a_batch_takes_no_more_round_trips(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    engine = engine_on(engine_pool, story)
    # The first user's batch is what the session plans the statements at.
    story.user(tenant)
    engine.catch_up(shard_of(tenant))
    story.user(tenant)
    sent = _statements_of(lambda: engine.run(shard_of(tenant)), engine_pool)

    # BEGIN, checkpoints, savepoint, a load for users and one for each table of the summaries, all writes, COMMIT.
    assert len(sent) == 8, sent


def _statements_of(action: Any, pool: Pool) -> list[str]:
    from psycopg2.extensions import cursor

    sent: list[str] = []

    class Recording(cursor):
        def execute(self, query: Any, vars: Any = None) -> None:
            sent.append(query)
            super().execute(query, vars)

    with pool.cursor() as lent:
        lent.connection.cursor_factory = Recording
    try:
        action()
    finally:
        with pool.cursor() as lent:
            lent.connection.cursor_factory = cursor
    return sent
