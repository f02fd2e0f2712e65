"""The clock while a job goes on that takes long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.integration.workers.test_leadership import end_sessions
from tests.integration.workers.test_processes import eventually
from workers.clock import Clock
from workers.job import Job
from workers.leadership import Leadership


class LongJob:
    """Goes on until it may end."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self.may_end = threading.Event()

    def __call__(self) -> None:
        self.begun += 1
        self.may_end.wait()
        self.ended += 1


class ShortJob:
    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1


@pytest.fixture
def long() -> Iterator[LongJob]:
    job = LongJob()
    yield job
    job.may_end.set()


@pytest.fixture
def short() -> ShortJob:
    return ShortJob()


Start = Callable[..., tuple[Clock, threading.Thread]]


@pytest.fixture
def start(database_url: str, long: LongJob, short: ShortJob) -> Iterator[Start]:
    """Starts a clock with both jobs, and waits until it leads and works."""
    with ExitStack() as stack:

        def start(**options: float) -> tuple[Clock, threading.Thread]:
            jobs = {"long": Job(long, 0.05), "short": Job(short, 0.05)}
            clock = Clock(Leadership(database_url), jobs, lambda _name, job: job.run, **options)
            running = threading.Thread(target=clock.run)
            running.start()
            stack.callback(running.join)
            stack.callback(long.may_end.set)
            stack.callback(clock.stop)
            assert eventually(lambda: clock.leads() and long.begun == 1 and short.runs > 0)
            return clock, running

        yield start


def test_a_clock_that_lost_the_lead_leads_again_while_a_job_goes_on(
    start: Start, database_url: str, long: LongJob, short: ShortJob
) -> None:
    # Given a clock that loses the lead to another while a job is in hand
    clock, _ = start()
    other = Leadership(database_url)
    end_sessions(database_url)
    assert other.held()
    assert eventually(lambda: not clock.leads())

    # When it is free again
    runs = short.runs
    other.release()

    # Then the clock does its work, and the job in hand is not begun beside itself
    assert eventually(lambda: clock.leads() and short.runs > runs + 2)
    assert (long.begun, long.ended) == (1, 0)

    # When the job ends, then it is begun again in its turn
    long.may_end.set()
    assert eventually(lambda: long.begun > 1)


def test_a_clock_that_is_stopped_does_not_wait_for_ever(start: Start, long: LongJob) -> None:
    clock, running = start(patience=0.1)

    clock.stop()

    assert eventually(lambda: not running.is_alive())
    assert long.ended == 0


def test_a_clock_that_is_stopped_waits_for_the_job_in_hand_and_begins_no_other(
    start: Start, long: LongJob, short: ShortJob
) -> None:
    # Given a clock that was stopped, and works no more
    clock, running = start()
    clock.stop()
    assert eventually(lambda: not clock.leads())
    runs = short.runs

    # When the job in hand ends
    assert not eventually(lambda: not running.is_alive(), seconds=0.5)
    long.may_end.set()

    # Then the clock ends, and all that was begun has ended
    assert eventually(lambda: not running.is_alive())
    assert (long.begun, long.ended) == (1, 1)
    assert short.runs == runs
