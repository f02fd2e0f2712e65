"""Who may take a place among those who wait for the read models."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

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


@pytest.mark.parametrize(("places", "half"), [(1, 1), (2, 1), (3, 2), (6, 3)])
def test_one_tenant_takes_no_more_than_half_of_the_places(
    query_pool: Pool, engine_pool: Pool, story: Story, places: int, half: int
) -> None:
    one, other, bell = story.tenant(), story.tenant(), HeldBell()
    waiter = Waiter(query_pool, story, bell, limit=places)
    with ThreadPoolExecutor(places + 1) as threads:

        def waits(tenant: str) -> Future[bool]:
            return threads.submit(waiter.wait, last(story, tenant), ALL, 60, About(tenant))

        try:
            # Given a tenant that waits at half of the places
            waiting = [waits(one) for _ in range(half)]
            assert all(bell.came.acquire(timeout=30) for _ in waiting)

            # When one more of it comes, it is refused
            assert isinstance(waits(one).exception(timeout=10), Unavailable)

            # Then the other places are there for another tenant, and no more than those
            waiting += [waits(other) for _ in range(places - half)]
            assert all(bell.came.acquire(timeout=30) for _ in range(places - half))
            assert isinstance(waits(other).exception(timeout=10), Unavailable)
        finally:
            fold(engine_pool, story)
            bell.released.set()
    assert all(each.result() for each in waiting)

    # And once they are gone, the tenant may wait again
    story.registered(one)
    assert not waiter.wait(last(story, one), ALL, 0.01, About(one))
