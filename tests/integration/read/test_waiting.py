from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.model.position import Position, shard_of
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.read.projections.users import users
from domain.read.waiting import Waiter
from tests.story import Story

BOTH = ("users", "workspaces")


@pytest.fixture
def tenant(story: Story) -> str:
    tenant = story.tenant()
    story.user(tenant)
    return tenant


@pytest.fixture
def waiter(query_pool: Pool) -> Waiter:
    return Waiter(query_pool)


def test_what_has_been_reached_is_not_waited_for(waiter: Waiter, story: Story, tenant: str, engine_pool: Pool) -> None:
    shard = shard_of(tenant)
    ProjectionEngine(engine_pool, story, PROJECTIONS).run(shard)

    assert waiter.wait(Position(shard, 3), BOTH, timeout=0)
    assert waiter.wait(Position(shard, 2), BOTH, timeout=0)
    assert not waiter.wait(Position(shard, 4), BOTH, timeout=0)


def test_the_place_before_the_first_event_is_always_reached(waiter: Waiter) -> None:
    assert waiter.wait(Position(9, 0), BOTH, timeout=0)


def test_all_projections_have_to_get_there(waiter: Waiter, story: Story, tenant: str, engine_pool: Pool) -> None:
    shard = shard_of(tenant)
    ProjectionEngine(engine_pool, story, [users]).run(shard)

    assert waiter.wait(Position(shard, 3), ["users"], timeout=0)
    assert not waiter.wait(Position(shard, 3), BOTH, timeout=0)


def test_waiting_ends_when_the_projections_get_there(
    waiter: Waiter, story: Story, tenant: str, engine_pool: Pool
) -> None:
    shard = shard_of(tenant)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(waiter.wait, Position(shard, 3), BOTH, 10)
        time.sleep(0.05)
        assert not waiting.done()
        ProjectionEngine(engine_pool, story, PROJECTIONS).run(shard)

        assert waiting.result(timeout=1)


def test_waiting_ends_with_its_time(waiter: Waiter) -> None:
    begin = time.monotonic()

    assert not waiter.wait(Position(9, 1), BOTH, timeout=0.1)

    assert 0.1 <= time.monotonic() - begin < 1
