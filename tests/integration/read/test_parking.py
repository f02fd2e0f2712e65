"""An aggregate that can't be folded stands still, alone, and comes back in order."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.model.errors import Unavailable
from domain.model.event import RecordedEvent
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.dead_letters import DeadLetterNotFound, DeadLetters
from domain.read.engine import ProjectionEngine
from domain.read.failure import Policy
from domain.read.projections import PROJECTIONS
from tests.integration.read import poison
from tests.integration.read.conftest import rows_in
from tests.integration.read.poison import make_due, parked, sequential_fold
from tests.story import MemoryEventLog, Story, random_story


def engine_on(pool: Pool, log: MemoryEventLog, batch_size: int = 100, **policy: Any) -> ProjectionEngine:
    return ProjectionEngine(pool, log, PROJECTIONS, batch_size, policy=Policy(**policy))


def catch_up(engine: ProjectionEngine, log: MemoryEventLog) -> int:
    return sum(engine.catch_up(shard, seconds=60).applied for shard in log.heads())


def cure(story: Story, event: RecordedEvent) -> None:
    """Put a good event in the place of a bad one, as a release that can read it would."""
    good = event._replace(event_type="user.updated", payload={"last_name": "Cured"}, schema_version=1)
    story.events[event.shard][event.position - 1] = good


@pytest.fixture
def ada(story: Story) -> tuple[str, str, RecordedEvent]:
    """A tenant with a user whose second event fails in the projection of users, and has two more after it."""
    tenant = story.tenant()
    user = story.registered(tenant)
    story.activated(tenant, user)
    event = poison.constraint(story, shard_of(tenant))
    story.happens("user.role_changed", tenant, user, role="admin", action="added", changed_by=user)
    story.registered(tenant, "Grace")
    story.happens("user.updated", tenant, user, first_name="Augusta")
    return tenant, user, event


def test_the_events_before_the_one_that_fails_are_folded_and_those_after_it_wait(
    engine_pool: Pool, story: Story, ada: tuple[str, str, RecordedEvent]
) -> None:
    _tenant, user, event = ada

    progress = engine_on(engine_pool, story).catch_up(event.shard)

    assert (progress.applied, progress.failed) == (6, ("users",))
    assert parked(engine_pool)["users", user]["from_position"] == event.position
    assert rows_in(engine_pool) == sequential_fold(story, {("users", user): event.version})


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

    with pool._connection() as connection:
        connection.cursor_factory = Recording
    try:
        action()
    finally:
        with pool._connection() as connection:
            connection.cursor_factory = cursor
    return sent
