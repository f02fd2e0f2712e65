"""Who may take a place among those who wait for the read models."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.model.errors import Unavailable
from domain.model.position import Position, shard_of
from domain.postgres.pool import Pool
from domain.read.bell import LocalBell
from domain.read.engine import ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.read.waiting import About, Waiter
from tests.story import Story

ALL = [projection.name for projection in PROJECTIONS]


class ForbiddenBell(LocalBell):
    """A bell that nobody may wait for."""

    def wait(self, *_: object) -> None:
        raise AssertionError("somebody waits")


class HeldBell(LocalBell):
    """Tells when somebody has come to wait, and lets nobody go until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Semaphore(0)
        self.released = threading.Event()

    def wait(self, *_: object) -> None:
        self.came.release()
        self.released.wait(60)


def fold(engine_pool: Pool, story: Story) -> None:
    for shard in story.heads():
        ProjectionEngine(engine_pool, story, PROJECTIONS).catch_up(shard)


def last(story: Story, tenant: str) -> Position:
    return Position(shard_of(tenant), story.head(shard_of(tenant)))


def test_a_position_that_no_event_has_yet_is_not_waited_for(query_pool: Pool, engine_pool: Pool, story: Story) -> None:
    # Given a log whose end is shown already, and another whose end is not
    shown, behind = story.tenant(), story.tenant()
    waiter = Waiter(query_pool, story, ForbiddenBell(), limit=1)

    # When somebody asks for an event past the end, which no command can have told, nobody waits
    fold(engine_pool, story)
    assert not waiter.wait(last(story, shown)._replace(offset=999_999_999), ALL, 60, About(shown))
    story.registered(behind)
    end = last(story, behind)
    assert not waiter.wait(end._replace(offset=end.offset + 1), ALL, 60, About(behind))

    # Then only the end itself is worth it
    with pytest.raises(AssertionError, match="somebody waits"):
        waiter.wait(end, ALL, 60, About(behind))


class Away(Story):
    """A log that is out of reach."""

    def head(self, shard: int) -> int:  # noqa: ARG002
        raise Unavailable(reason="a test")


def test_where_the_log_is_out_of_reach_the_read_models_are_waited_for(query_pool: Pool, engine_pool: Pool) -> None:
    story = Away()
    tenant = story.tenant()
    waiter = Waiter(query_pool, story, ForbiddenBell())

    with pytest.raises(AssertionError, match="somebody waits"):
        waiter.wait(Position(shard_of(tenant), 1), ALL, 60, About(tenant))


def test_no_more_wait_than_there_are_places(query_pool: Pool, engine_pool: Pool, story: Story) -> None:
    tenant, bell = story.tenant(), HeldBell()
    waiter = Waiter(query_pool, story, bell, limit=2)
    with ThreadPoolExecutor() as threads:
        try:
            waiting = [threads.submit(waiter.wait, last(story, tenant), ALL, 60, About(tenant)) for _ in range(2)]
            assert all(bell.came.acquire(timeout=30) for _ in waiting)

            with pytest.raises(Unavailable):
                waiter.wait(last(story, tenant), ALL, 60, About(tenant))
        finally:
            fold(engine_pool, story)
            bell.released.set()
    assert all(each.result() for each in waiting)

    # And once they are gone, others may wait
    story.registered(tenant)
    assert not waiter.wait(last(story, tenant), ALL, 0.01, About(tenant))
