from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.model.errors import AggregateParked, ProjectionPaused, Unavailable
from domain.model.position import Position, shard_of
from domain.postgres.pool import Pool
from domain.read.bell import LocalBell, RedisBell, Ringer
from domain.read.engine import ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.read.waiting import About, Waiter
from tests.integration.cache.conftest import wait_until
from tests.integration.read.test_engine import poisoned
from tests.stopwatch import Stopwatch
from tests.story import Story
from workers.launcher.valkey import EmbeddedValkey

ALL = [projection.name for projection in PROJECTIONS]


class DeafBell(LocalBell):
    heard = False


class CountingPool:
    """A pool that counts how often it is asked."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.asked = 0

    def cursor(self):
        self.asked += 1
        return self._pool.cursor()


@pytest.fixture
def fold(engine_pool: Pool, story: Story) -> Callable[[], None]:
    def fold() -> None:
        for shard in story.heads():
            ProjectionEngine(engine_pool, story, PROJECTIONS).catch_up(shard)

    return fold


def last(story: Story, tenant: str) -> Position:
    return Position(shard_of(tenant), story.head(shard_of(tenant)))


def test_what_is_reached_is_not_waited_for(query_pool: Pool, story: Story, fold: Callable[[], None]) -> None:
    tenant = story.tenant()
    fold()

    assert Waiter(query_pool, story, DeafBell()).wait(last(story, tenant), ALL, timeout=0)


def test_it_ends_with_its_time(query_pool: Pool, story: Story) -> None:
    tenant = story.tenant()

    with Stopwatch() as watch:
        assert not Waiter(query_pool, story, DeafBell()).wait(last(story, tenant), ALL, timeout=0.2)
    assert watch.elapsed >= 0.2
    assert watch.seconds < 1


@pytest.mark.parametrize("bell", [LocalBell(), DeafBell()], ids=["heard, never rung", "not heard"])
def test_it_looks_by_itself_so_no_ring_has_to_arrive(
    bell: LocalBell, query_pool: Pool, story: Story, fold: Callable[[], None]
) -> None:
    tenant = story.tenant()
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(Waiter(query_pool, story, bell).wait, last(story, tenant), ALL, 60)
        time.sleep(0.1)
        fold()

        with Stopwatch() as watch:
            assert waiting.result(timeout=30)
    assert watch.seconds < 0.5


def test_a_ring_wakes_those_who_wait_for_the_shard_and_nobody_else(
    query_pool: Pool, story: Story, fold: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given one who looks by himself so rarely that only the bell can bring him back
    monkeypatch.setattr("domain.read.waiting._HEARD", (60.0, 60.0))
    tenant, bell = story.tenant(), LocalBell()
    position = last(story, tenant)
    counting = CountingPool(query_pool)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(Waiter(counting, story, bell).wait, position, ALL, 60)  # type: ignore[arg-type]
        while not counting.asked:
            time.sleep(0.01)
        time.sleep(0.2)
        for _ in range(50):
            bell.ring((position.shard + 1) % 256)
        time.sleep(0.2)
        assert counting.asked == 1

        # When the bell rings for the shard
        fold()
        bell.ring(position.shard)

        # Then he is back
        assert waiting.result(timeout=30)


def test_it_waits_for_all_the_projections_that_are_read_and_no_other(query_pool: Pool, engine_pool: Pool, story: Story):
    tenant = story.tenant()
    ProjectionEngine(engine_pool, story, [each for each in PROJECTIONS if each.name != "users"]).run(shard_of(tenant))
    waiter = Waiter(query_pool, story, DeafBell())

    assert waiter.wait(last(story, tenant), ["workspaces", "tenant_summaries"], timeout=0)
    assert not waiter.wait(last(story, tenant), ["workspaces", "users"], timeout=0)


def test_no_more_than_so_many_wait(query_pool: Pool, story: Story, fold: Callable[[], None]) -> None:
    tenant, bell = story.tenant(), DeafBell()
    waiter = Waiter(query_pool, story, bell, limit=1)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(waiter.wait, last(story, tenant), ALL, 60)
        wait_until(lambda: bool(waiter._waiting), 20)
        with pytest.raises(Unavailable):
            waiter.wait(last(story, tenant), ALL, 60)
        fold()
        assert first.result()
    story.user(tenant)

    # And the place is free again
    assert not waiter.wait(last(story, tenant), ALL, 0.01)


@pytest.fixture
def parked(engine_pool: Pool, story: Story) -> tuple[str, str, Position]:
    """A tenant, a user of it that is parked for the projection "poisoned", and the position of its event."""
    tenant = story.tenant()
    user = story.registered(tenant)
    position = last(story, tenant)
    story.tenant()
    ProjectionEngine(engine_pool, story, [poisoned(ValueError("no"))]).catch_up(shard_of(tenant))
    return tenant, user, position


def test_a_question_about_a_parked_aggregate_is_refused_at_once(
    parked: tuple[str, str, Position], query_pool: Pool, story: Story
) -> None:
    tenant, user, position = parked
    waiter = Waiter(query_pool, story, DeafBell())

    with pytest.raises(AggregateParked) as refused:
        waiter.wait(position, ["poisoned"], 10, About(tenant, user))

    assert user in str(refused.value)
    assert 1 <= refused.value.data["retry_after"] <= 3600


def test_a_list_is_refused_only_to_the_one_who_wants_to_see_the_parked_event(
    parked: tuple[str, str, Position], query_pool: Pool, story: Story
) -> None:
    tenant, _, position = parked
    waiter = Waiter(query_pool, story, DeafBell())

    with pytest.raises(AggregateParked):
        waiter.wait(position, ["poisoned"], 10, About(tenant))

    # Who wants to see something else gets it, also about another aggregate, another projection or another tenant
    story.happens("tenant.updated", tenant, tenant, name="New")
    assert waiter.wait(position._replace(offset=1), ["poisoned"], 0, About(tenant))
    assert not waiter.wait(last(story, tenant), ["poisoned"], 0, About(tenant, story.new_id()))
    assert not waiter.wait(position, ["users"], 0, About(tenant))
    assert waiter.wait(position, ["poisoned"], 0, About(story.new_id()))


def test_one_who_waits_already_is_told_when_it_is_parked(query_pool: Pool, engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    user = story.registered(tenant)
    with ThreadPoolExecutor() as threads:
        waiter = Waiter(query_pool, story, DeafBell())
        waiting = threads.submit(waiter.wait, last(story, tenant), ["poisoned"], 10, About(tenant, user))
        time.sleep(0.1)
        ProjectionEngine(engine_pool, story, [poisoned(ValueError("no"))]).catch_up(shard_of(tenant))

        with pytest.raises(AggregateParked):
            waiting.result()


def test_a_paused_projection_is_not_waited_for(
    query_pool: Pool, engine_pool: Pool, story: Story, fold: Callable[[], None]
) -> None:
    tenant = story.tenant()
    fold()
    with engine_pool.cursor() as cursor:
        cursor.execute(
            "INSERT INTO read_schema.projections (name, state, reason, changed_by, since) "
            "VALUES ('users', 'paused', 'holiday', 'ada', now())"
        )
    story.user(tenant)
    waiter = Waiter(query_pool, story, DeafBell())

    with pytest.raises(ProjectionPaused, match="the projection users is paused"):
        waiter.wait(last(story, tenant), ["users"], 10)

    # What it had reached before is there, and others are waited for
    assert waiter.wait(Position(shard_of(tenant), 1), ["users"], 0)
    assert not waiter.wait(last(story, tenant), ["workspaces"], 0)


@pytest.fixture
def bell(redis_server: EmbeddedValkey) -> Iterator[RedisBell]:
    made = RedisBell(redis_server.url)
    made.wait(0, 0, 0.001)
    yield made
    made.close()


def heard(bell: RedisBell, ringer: Ringer, shard: int, seconds: float = 10) -> bool:
    """Whether the bell is heard within *seconds*, though it may be rung again and again until then."""
    since, deadline = bell.rings(shard), time.monotonic() + seconds
    while bell.rings(shard) == since and time.monotonic() < deadline:
        ringer.ring([shard])
        bell.wait(shard, since, 0.05)
    return bell.rings(shard) > since


def test_the_bell_is_heard_in_another_process_and_again_after_redis_was_away(
    bell: RedisBell, redis_server: EmbeddedValkey
) -> None:
    ringer = Ringer(redis_server.url)
    assert heard(bell, ringer, 17)
    assert bell.heard

    redis_server.stop()
    with Stopwatch() as watch:
        for _ in range(100):
            ringer.ring([17])
    assert watch.seconds < 1
    deadline = time.monotonic() + 30
    while bell.heard and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not bell.heard

    redis_server.start()
    assert heard(bell, ringer, 17)
    assert bell.heard
    ringer.close()


def test_it_is_rung_after_the_commit(engine_pool: Pool, query_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    seen: list[bool] = []
    waiter = Waiter(query_pool, story, DeafBell())

    engine = ProjectionEngine(
        engine_pool,
        story,
        PROJECTIONS,
        announce=lambda shards: seen.extend(waiter.wait(Position(shard, 1), ALL, 0) for shard in shards),
    )
    engine.catch_up(shard_of(tenant))

    assert seen == [True]


def test_threads_that_wait_do_not_outlive_the_bell(bell: RedisBell) -> None:
    bell.close()

    assert "bell" not in {thread.name for thread in threading.enumerate()}
