from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.bootstrap import Container, bootstrap
from domain.model.position import Position, shard_of
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.read.synchronous import SynchronousFold
from domain.settings import Settings
from tests.integration.read.conftest import folded_in_memory, rows_in
from tests.integration.read.test_engine import BlockedLog, poisoned
from tests.integration.write.appends import append, tenant_created
from tests.stopwatch import Stopwatch
from tests.story import Story


def last(story: Story, tenant: str) -> Position:
    return Position(shard_of(tenant), story.head(shard_of(tenant)))


def test_a_commands_events_are_folded_when_it_answers(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    story.user(tenant)

    done = SynchronousFold(ProjectionEngine(engine_pool, story, PROJECTIONS, batch_size=2)).fold(last(story, tenant))

    assert done
    assert rows_in(engine_pool) == folded_in_memory(story)


def test_a_fold_waits_for_another_that_is_busy_with_the_shard(engine_pool: Pool, story: Story) -> None:
    # Given a worker that has the shard in hand, and has read it before the command's event came
    tenant = story.tenant()
    ProjectionEngine(engine_pool, story, PROJECTIONS).run(shard_of(tenant))
    blocked = BlockedLog(story)
    with ThreadPoolExecutor() as threads:
        worker = threads.submit(ProjectionEngine(engine_pool, blocked, PROJECTIONS).run, shard_of(tenant))
        assert blocked.reading.wait(10)
        story.user(tenant)

        # When the command folds
        fold = threads.submit(
            SynchronousFold(ProjectionEngine(engine_pool, story, PROJECTIONS)).fold, last(story, tenant)
        )
        time.sleep(0.1)
        assert not fold.done()
        blocked.go_on.set()

        # Then it goes on as soon as the worker is through
        assert fold.result() is True
        worker.result()
    assert rows_in(engine_pool) == folded_in_memory(story)


def test_a_command_does_not_wait_for_ever(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    ProjectionEngine(engine_pool, story, PROJECTIONS).run(shard_of(tenant))
    blocked = BlockedLog(story)
    with ThreadPoolExecutor() as threads:
        worker = threads.submit(ProjectionEngine(engine_pool, blocked, PROJECTIONS).run, shard_of(tenant))
        assert blocked.reading.wait(10)

        with Stopwatch() as watch:
            done = SynchronousFold(ProjectionEngine(engine_pool, story, PROJECTIONS), patience=0.1).fold(
                last(story, tenant)
            )

        assert not done
        assert watch.elapsed >= 0.1
        assert watch.seconds < 1
        blocked.go_on.set()
        worker.result()


class BrokenLog(Story):
    def read(self, *_: int) -> list:
        self.reads = getattr(self, "reads", 0) + 1
        raise ConnectionError("away")


def test_a_fold_that_fails_is_left_to_the_workers_and_soon_not_even_tried(engine_pool: Pool) -> None:
    log = BrokenLog()
    fold = SynchronousFold(ProjectionEngine(engine_pool, log, PROJECTIONS))

    assert [fold.fold(Position(3, 1)) for _ in range(10)] == [False] * 10
    assert log.reads == 3


def test_events_that_a_projection_refuses_do_not_fail_the_command(engine_pool: Pool, story: Story) -> None:
    tenant = story.tenant()
    story.registered(tenant)

    SynchronousFold(ProjectionEngine(engine_pool, story, [poisoned(ValueError("no"))])).fold(last(story, tenant))


@pytest.fixture
def container(database_url: str, redis_url: str):
    heard: list[Position] = []
    settings = Settings.from_environment(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "JWT_SECRET": "x" * 32,
            "PROJECTION_STRATEGY": "batch,tenant_summaries=sync",
        }
    )
    made = bootstrap(settings, lambda position, _: heard.append(position))
    made.heard = heard  # type: ignore[attr-defined]
    yield made
    made.close()


def test_each_projection_is_folded_when_its_strategy_says(container: Container) -> None:
    # When something happens
    tenant = "5f0c3b3e-6a9b-4a3b-9d5b-1f5f0f1f2f3f"
    position = container.event_store.append(append(tenant, tenant_created(tenant)))
    container._appended(position, 1)

    # Then the synchronous projection shows it at once, and the workers have heard of it
    shard = position.shard
    assert container.heard == [position]  # type: ignore[attr-defined]
    assert container.queries.read("tenant_summary", tenant).body is not None
    lags = {each["projection"]: each["lag"] for each in container.monitor.status()["projections"]}
    assert lags == {"users": 1, "workspaces": 1, "tenant_summaries": 0}

    # And a worker leaves the others to the tick
    assert container.worker_engine is not None
    assert container.batch_engine is not None
    assert container.worker_engine.lagging_shards() == []
    assert container.batch_engine.lagging_shards() == [shard]
    container.batch_engine.catch_up(shard)
    assert container.engine.lagging_shards() == []
