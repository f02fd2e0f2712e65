"""What all processes count, through a real Redis."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import redis

from domain.cache.factory import make_telemetry
from domain.telemetry import history
from domain.telemetry.telemetry import Telemetry

NOWHERE = "redis://127.0.0.1:1"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def process(redis_url: str) -> Iterator[Callable[..., Telemetry]]:
    """Makes what a process has, as if in one of its own."""
    with ExitStack() as stack:

        def make(url: str = redis_url) -> Telemetry:
            telemetry = make_telemetry(url)
            stack.callback(telemetry.close)
            return telemetry

        yield make


def hits(telemetry: Telemetry) -> int:
    return telemetry.look().counters.get("l1", {}).get("user", {}).get("hit", 0)


def miss(client: redis.Redis, telemetry: Telemetry) -> None:
    """Let *telemetry*'s process be missed, as after 15 s without a word."""
    client.delete(f"telemetry:{{all}}:processes:alive:{telemetry.process}")


def test_whoever_looks_sees_what_all_have_counted(process: Callable[..., Telemetry]):
    one, other = process(), process()
    one.kind, other.kind = "web", "worker"
    one.counters.count("l1", "user", "hit", 2)
    other.counters.count("l1", "user", "hit", 3)
    one.tell()
    other.tell()

    look = one.look()

    assert look.complete
    assert look.counters["l1"]["user"]["hit"] == hits(other) == 5
    kinds = {name: said["kind"] for name, said in look.processes.items()}
    assert kinds == {one.process: "web", other.process: "worker"}
    assert all(said["memory"] > 1_000_000 for said in look.processes.values())


def test_a_process_tells_by_itself_once_it_has_started(process: Callable[..., Telemetry]):
    one, other = process(), process()
    one.counters.count("l1", "user", "hit", 2)
    one.start()
    one.start()

    deadline = time.monotonic() + 30
    while hits(other) != 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert sum(thread.name == "telemetry" for thread in threading.enumerate()) == 1
    one.counters.count("l1", "user", "hit", 1)
    one.stop()
    assert hits(other) == 3


def test_sums_never_fall_while_processes_come_and_go(process: Callable[..., Telemetry], client: redis.Redis):
    # Given one who looks all the time, and another one who does too, so that what is gone is added up by either
    watching, rival = process(), process()
    seen, stop = [0], threading.Event()

    def watch(telemetry: Telemetry, into: list[int]) -> None:
        while not stop.is_set():
            into.append(hits(telemetry))

    threads = [threading.Thread(target=watch, args=each) for each in ((watching, seen), (rival, []))]
    for thread in threads:
        thread.start()

    # When processes count, and are missed, and some of them were only silent
    for number in range(30):
        one = process()
        one.counters.count("l1", "user", "hit", 10)
        one.tell()
        miss(client, one)
        if number % 3 == 0:
            one.counters.count("l1", "user", "hit", 5)
            one.tell()
            one.tell()
    stop.set()
    for thread in threads:
        thread.join()

    # Then nobody has ever seen a sum that was smaller than one before, or larger than what was counted
    assert seen == sorted(seen)
    assert len(seen) > 10
    assert hits(watching) == 30 * 10 + 10 * 5


def test_a_server_that_has_lost_everything_is_told_only_what_is_new(
    process: Callable[..., Telemetry], client: redis.Redis
):
    one = process()
    one.counters.count("l1", "user", "hit", 1000)
    assert hits(one) == 1000

    client.flushdb()
    one.counters.count("l1", "user", "hit", 3)

    # A counter that begins anew near nothing; a thousand more at once would look like a thousand hits in a second.
    assert hits(one) == 3


def test_without_redis_a_process_tells_of_itself_and_says_that_this_is_not_all(process: Callable[..., Telemetry]):
    lonely = process(NOWHERE)
    lonely.counters.count("l1", "user", "hit")
    lonely.start()

    look = lonely.look()

    assert (look.complete, look.counters, set(look.processes)) == (
        False,
        {"l1": {"user": {"hit": 1}}},
        {lonely.process},
    )
    lonely.sample({})
    assert lonely.history() == []


def test_the_last_hour_is_one_bounded_key_that_ends_by_itself(
    process: Callable[..., Telemetry], client: redis.Redis, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(history, "KEPT", 4)
    clock, web = process(), process()
    for _ in range(6):
        web.counters.observe("query", "user/l1", 0.001)
        web.tell()
        clock.sample({"users": (3, 0.5)})

    points = web.history()

    assert len(points) == 3
    assert all(point["queries_per_second"] > 0 for point in points)
    assert points[-1]["lag"] == {"users": {"events": 3, "seconds": 0.5}}
    assert [point["at"] for point in points] == sorted(point["at"] for point in points)
    assert client.llen("telemetry:{all}:history") == 4
    assert 0 < client.ttl("telemetry:{all}:history") <= 3900


def test_what_was_read_of_the_last_hour_stays_while_redis_is_away(
    process: Callable[..., Telemetry], monkeypatch: pytest.MonkeyPatch
):
    clock = process()
    clock.sample({})
    clock.sample({})
    before = clock.history()

    clock._history._client = redis.Redis.from_url(NOWHERE)

    assert len(before) == 1
    assert clock.history() == before


def test_what_a_process_counted_that_was_killed_stays_counted(
    process: Callable[..., Telemetry], client: redis.Redis, redis_url: str
):
    watching = process()
    program = (
        "import sys, time; from domain.cache.factory import make_telemetry; telemetry = make_telemetry(sys.argv[1]); "
        "telemetry.counters.count('l1', 'user', 'hit', 7); telemetry.start(); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, redis_url]) as other:
        deadline = time.monotonic() + 20
        while hits(watching) != 7:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        other.kill()
    (name,) = set(watching.look().processes) - {watching.process}

    client.delete(f"telemetry:{{all}}:processes:alive:{name}")

    assert [hits(watching) for _ in range(3)] == [7, 7, 7]
    assert set(watching.look().processes) == {watching.process}
