"""Redis flushed, frozen, refused and restarted while clients send commands: the same as without."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from tests.e2e.fleet import Fleet
from tests.faults import record
from tests.faults.clients import Load
from tests.faults.outcome import assert_nothing_is_lost_or_doubled
from tests.faults.scale import scaled
from workers.launcher.valkey import EmbeddedValkey

pytestmark = [pytest.mark.fault, pytest.mark.e2e]

ROUNDS = scaled(1, 10)

#: Seconds that each trouble lasts, and that there is peace in between.
TROUBLE, PEACE = scaled(1, 5), 0.5


def flush(server: EmbeddedValkey) -> None:
    """Delete everything again and again, the hints that wait included."""
    with redis.Redis.from_url(server.url) as client:
        end = time.monotonic() + TROUBLE
        while time.monotonic() < end:
            client.flushall()
            time.sleep(0.01)


def freeze(server: EmbeddedValkey) -> None:
    """Let no call come back."""
    server.freeze()
    time.sleep(TROUBLE)
    server.resume()


def refuse(server: EmbeddedValkey) -> None:
    """Let no connection be made, and start again later."""
    server.stop()
    time.sleep(TROUBLE)
    server.start()


def restart(server: EmbeddedValkey) -> None:
    """Break all connections, and be back at once."""
    server.stop()
    server.start()


TROUBLES: list[Callable[[EmbeddedValkey], None]] = [flush, freeze, refuse, restart]


def test_whatever_becomes_of_redis_commands_succeed_and_are_applied_once(
    database_url: str, redis_server: EmbeddedValkey, tmp_path: Path
):
    record.begin(database_url)
    with Fleet(database_url, redis_server.url, tmp_path).start_all(worker=2) as fleet:
        with Load(fleet) as load:
            for trouble in TROUBLES * ROUNDS:
                before = len(load.answers)
                trouble(redis_server)
                # Then commands go on meanwhile, and none is refused or has to be sent again
                assert len(load.answers) > before, trouble.__name__
                time.sleep(PEACE)

        assert load.faults == []
        assert sum(client.repeated for client in load.clients) == 0
        assert_nothing_is_lost_or_doubled(database_url, load.answers, len(load.clients))
        print(f"{len(load.answers)} commands")
        for process in (each for group in fleet.running.values() for each in group):
            fleet.kill(process)
