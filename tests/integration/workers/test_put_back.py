"""The clock of the machine is put back, as after a virtual machine was resumed, while ours works."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

import pytest

from tests.integration.workers.test_processes import eventually
from workers.clock import Clock
from workers.job import Job
from workers.leadership import Leadership


class TimeOfDay(datetime):
    """What APScheduler and our clock are told of the time of day."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + cls.ahead


@pytest.fixture
def time_of_day(monkeypatch: pytest.MonkeyPatch) -> type[TimeOfDay]:
    monkeypatch.setattr(TimeOfDay, "ahead", timedelta())
    for module in ("schedulers.base", "triggers.interval"):
        monkeypatch.setattr(f"apscheduler.{module}.datetime", TimeOfDay)
    return TimeOfDay


def test_the_jobs_go_on_though_the_time_of_day_was_put_back(database_url: str, time_of_day: type[TimeOfDay]) -> None:
    # Given a clock that works
    runs: list[datetime] = []
    jobs = {"job": Job(lambda: runs.append(time_of_day.now(UTC)), 0.05)}
    clock = Clock(Leadership(database_url), jobs, lambda _name, job: job.run, now=lambda: time_of_day.now(UTC))
    running = threading.Thread(target=clock.run)
    running.start()
    try:
        assert eventually(lambda: len(runs) > 2)

        # When the time of day is put back by an hour, and again
        for _ in range(2):
            time_of_day.ahead -= timedelta(hours=1)
            before = len(runs)

            # Then the job is run as often as ever
            assert eventually(lambda before=before: len(runs) > before + 10)
        assert clock.leads()
    finally:
        clock.stop()
        running.join()
