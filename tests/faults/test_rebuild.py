"""Rebuilds that are cut off at every point, and rebuilds in the midst of a storm."""

from __future__ import annotations

import itertools
import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from domain.bootstrap import bootstrap
from domain.postgres.pool import Pool
from domain.read.engine import SESSION
from domain.read.errors import is_transient
from domain.read.projections import PROJECTIONS
from domain.read.rebuild.rebuilder import Rebuilder
from domain.settings import Settings
from tests.e2e.comparison import assert_read_models_are_the_fold
from tests.faults.scale import scaled
from tests.faults.storm import Storm
from tests.integration.read.conftest import folded_in_memory
from tests.integration.read.rebuilding import House
from tests.story import random_story

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

SECRET = "a-secret-of-more-than-thirty-two-bytes"

spawn = multiprocessing.get_context("spawn")


class Crash(BaseException):
    """The process ends here."""


class MortalPool(Pool):
    """Connections of a process that dies right before, or right after, its *nth* commit."""

    def __init__(self, url: str, nth: int, *, after: bool) -> None:
        super().__init__(url, settings=SESSION)
        self._left = nth
        self._after = after

    @contextmanager
    def transaction(self) -> Iterator[cursor]:
        with super().transaction() as cursor:
            yield cursor
            self._left -= 1
            if not self._after:
                self._die_if_it_is_time()
        if self._after:
            self._die_if_it_is_time()

    def _die_if_it_is_time(self) -> None:
        if self._left == 0:
            raise Crash


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("ending", ["done", "cancelled"])
def test_a_rebuild_goes_on_wherever_it_was_cut_off(database_url: str, ending: str, after: bool):
    # Given rows of which some are wrong
    pool = Pool(database_url, settings=SESSION)
    house = House(pool, random_story(seed=6, length=120, tenants=2))
    house.project()
    right = folded_in_memory(house.story)

    for nth in itertools.count(1):
        house.execute("UPDATE read_schema.user_projections SET email = 'wrong@example.com'")
        wrong = house.rows()

        # When the process that rebuilds them dies at its first commit, or at the second, and so on
        mortal = MortalPool(database_url, nth, after=after)
        crashed = run_to_the_end(Rebuilder(mortal, house.story, PROJECTIONS), ending)
        mortal.close()

        # Then another one finishes it
        if house.rebuilder.running():
            if ending == "cancelled":
                house.rebuilder.cancel("users") if house.state("users") != "cancelling" else None
            house.finish("users")
        if house.rebuilder._records.latest("users"):
            assert house.state("users") == ending
        else:
            assert crashed
            house.rebuild("users") if ending == "done" else None
        assert house.rows() == (right if ending == "done" else wrong)
        assert house.schemas() <= {"read_schema_kept_users"}
        if not crashed:
            break
    assert nth > 4
    pool.close()


def run_to_the_end(rebuilder: Rebuilder, ending: str) -> bool:
    """Rebuild, or begin to and cancel; return whether it crashed."""
    try:
        rebuilder.start("users", compare=True)
        if ending == "cancelled":
            rebuilder.drive("users", seconds=0)
            rebuilder.cancel("users")
        while rebuilder.drive("users"):
            pass
    except Crash:
        return True
    return False


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings.from_environment({"DATABASE_URL": database_url, "REDIS_URL": redis_url, "JWT_SECRET": SECRET})


def drive(url: str, redis_url: str, projections: list[str], begun: Any) -> None:
    """One process: drive all rebuilds on as long as its parent lives."""
    parent = multiprocessing.parent_process()
    settings = Settings.from_environment(
        {"DATABASE_URL": url, "REDIS_URL": redis_url, "JWT_SECRET": SECRET, "LOG_LEVEL": "error"}
    )
    rebuilder = bootstrap(settings).rebuilder
    begun.set()
    while parent is not None and parent.is_alive():
        for projection in projections:
            try:
                rebuilder.drive(projection, seconds=0.2)
            except Exception as error:
                if not is_transient(error):
                    raise
        time.sleep(0.01)


class Driver:
    """A process that drives rebuilds on."""

    def __init__(self, settings: Settings, projections: list[str]) -> None:
        self._begun = spawn.Event()
        arguments = (settings.database_url, settings.redis_url, projections, self._begun)
        self._process = spawn.Process(target=drive, args=arguments, daemon=True)
        self._process.start()

    def kill(self) -> None:
        """Kill it at a random moment of its work."""
        assert self._begun.wait(60)
        time.sleep(random.uniform(0.0, 0.5))
        self._process.kill()
        self._process.join()


def test_rebuilds_in_a_storm_whose_drivers_are_killed(settings: Settings, database_url: str):
    names = [projection.name for projection in PROJECTIONS]
    storm = Storm(settings)
    rebuilder, verifier = storm.container.rebuilder, storm.container.verifier
    with storm:
        # Given commands, folds and queries that never pause, and processes that drive rebuilds on
        drivers = [Driver(settings, names) for _ in range(2)]

        # When one projection after the other is rebuilt, and the processes are killed again and again
        for _ in range(scaled(3, 100)):
            for name in set(names) - set(rebuilder.running()):
                rebuilder.start(name, compare=random.random() < 0.3)
            drivers.pop(0).kill()
            drivers.append(Driver(settings, names))
            assert [found["drifted"] for found in verifier.sample(5)] == [0] * len(names)
        deadline = time.monotonic() + 60
        while rebuilder.running() and time.monotonic() < deadline:
            time.sleep(0.05)
        for driver in drivers:
            driver.kill()

        # Then all of them ended well, and no reader noticed
        assert rebuilder.running() == []
    assert storm.faults == []
    assert {rebuilder.progress(name)["state"] for name in names} == {"done"}
    assert storm.queries > 100
    storm.close()

    # And the rows are what the events give
    assert_read_models_are_the_fold(database_url)
