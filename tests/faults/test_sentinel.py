"""The broker's master dies, and its replica takes over, while clients send commands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.fleet import Fleet, wait_for
from tests.faults import record
from tests.faults.clients import Load
from tests.faults.outcome import assert_nothing_is_lost_or_doubled
from tests.faults.scale import LONG
from tests.valkeys import Valkey, Watched

pytestmark = [pytest.mark.fault, pytest.mark.e2e]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with Watched(tmp_path) as watched:
        yield watched


def works(server: Valkey) -> bool:
    """Whether workers take messages there."""
    return bool(server.ask("EXISTS", "dramatiq:__heartbeats__"))


@pytest.mark.parametrize("loss", ["kill", "freeze"] if LONG else ["kill"])
def test_the_master_of_the_broker_is_lost_and_no_command_is(
    database_url: str, watched: Watched, tmp_path: Path, loss: str
):
    record.begin(database_url)
    with Fleet(database_url, watched.url, tmp_path).start_all(worker=2) as fleet:
        first = watched.master
        wait_for(lambda: works(first), 20, "the workers to take messages")
        with Load(fleet) as load:
            time.sleep(0.5)
            before = len(load.answers)

            # When the master dies, and the Sentinels make the replica the new one
            getattr(first, loss)()
            wait_for(lambda: watched.master is not first, 30, "a fail-over")
            during = len(load.answers)
            second = watched.master
            wait_for(lambda: works(second), 20, "the workers to take messages from the new master")
            time.sleep(0.5)

        # Then commands were answered all the time, and none failed or had to be sent again
        assert before < during < len(load.answers)
        assert load.faults == []
        assert sum(client.repeated for client in load.clients) == 0
        # And all of them are in the log, and applied once
        assert_nothing_is_lost_or_doubled(database_url, load.answers, len(load.clients))
        assert fleet.flask("projections", "status").returncode == 0
        first.resume()
        for process in (each for group in fleet.running.values() for each in group):
            fleet.kill(process)
