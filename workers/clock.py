"""What happens regularly. `python -m workers.clock` runs it; of several clocks one works and the others stand by."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import psycopg2
import structlog
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]

from domain import logs, tracing
from domain.bootstrap import bootstrap
from domain.read.watch.job_log import JobLog
from domain.read.watch.processes import Processes, Pulse
from domain.settings import Settings, SettingsError
from workers.hints import HintSender
from workers.job import Job, LoggedRun
from workers.jobs import jobs
from workers.leadership import Leadership
from workers.runs import Runs

log = structlog.get_logger(__name__)

#: Seconds between two looks at who leads, and between two looks for a signal.
_WATCH, _LISTEN = 1.0, 0.1

#: Seconds after which a clock that has not looked who leads is not believed to lead.
_STALE = 5.0

#: Seconds that a clock which is stopped waits for the jobs in hand, of the 30 that a platform gives it.
_PATIENCE = 20.0


#: Seconds by which the time of day may be put back without more ado: the jobs come so much later, once.
_PUT_BACK = 2.0


def utc_now() -> datetime:
    """Return the time of day, as APScheduler goes by it."""
    return datetime.now(UTC)


class Clock:
    """Runs its jobs while it leads."""

    def __init__(
        self,
        leadership: Leadership,
        jobs: Mapping[str, Job],
        logged: Callable[[str, Job], Callable[[], None]],
        patience: float = _PATIENCE,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """*logged* makes of a job what runs it and never raises. *patience*: the seconds that the jobs in hand get.

        *now*: the time of day.
        """
        self._leadership = leadership
        self._jobs = jobs
        self._runs = {name: Runs(name, logged(name, job)) for name, job in jobs.items()}
        self._patience = patience
        self._now = now
        self._watched = 0.0
        self._scheduler: BackgroundScheduler | None = None
        self._stopping = False

    def run(self) -> bool:
        """Work or stand by until stop() is called, then wait for the jobs in hand, but not for ever.

        Return whether all of them have ended.
        """
        next_watch, ahead = 0.0, self._ahead()
        while not self._stopping:
            before, ahead = ahead, self._ahead()
            if before - ahead > _PUT_BACK:
                self._begin_again(before - ahead)
            if time.monotonic() >= next_watch:
                self._follow(self._asked())
                self._watched = time.monotonic()
                next_watch = time.monotonic() + _WATCH
            time.sleep(_LISTEN)
        self._follow(leads=False)
        finished = self._finish()
        self._leadership.release()
        log.info("The clock has stopped.")
        return finished

    def stop(self, *_: object) -> None:
        """End run() soon. May be called by a signal."""
        self._stopping = True

    def leads(self) -> bool:
        """Whether this clock works. May be asked by another thread."""
        return self._scheduler is not None and time.monotonic() - self._watched < _STALE

    def _ahead(self) -> float:
        """Return how far the time of day is ahead of the monotonic clock: always as far, unless it is set anew."""
        return self._now().timestamp() - time.monotonic()

    def _begin_again(self, put_back: float) -> None:
        if self._scheduler is not None:
            # The scheduler waits for times of the day that would come so much later now.
            log.warning("The time of day was put back.", seconds=round(put_back, 1))
            self._scheduler.shutdown(wait=True)
            self._scheduler = self._started()

    def _asked(self) -> bool:
        try:
            return self._leadership.held()
        except psycopg2.Error as error:
            log.warning("The database can't be asked who leads.", reason=str(error).strip())
            return False

    def _follow(self, leads: bool) -> None:
        if leads and self._scheduler is None:
            log.info("The clock leads.", jobs=sorted(self._jobs))
            self._scheduler = self._started()
        elif not leads and self._scheduler is not None:
            # No run begins from here on. Those in hand go on, so that one that takes long doesn't hold up the lead.
            self._scheduler.shutdown(wait=True)
            self._scheduler = None
            log.info("The clock stands by.")

    def _finish(self) -> bool:
        deadline = time.monotonic() + self._patience
        unfinished = [name for name, runs in self._runs.items() if not runs.wait(max(deadline - time.monotonic(), 0))]
        if unfinished:
            log.warning("The clock ends before its jobs.", jobs=unfinished)
        return not unfinished

    def _started(self) -> BackgroundScheduler:
        # Runs that were missed become one.
        scheduler = BackgroundScheduler(
            timezone="UTC",
            # It calls on the scheduler's own thread, which is all that beginning a run takes.
            executors={"default": {"type": "debug"}},
            job_defaults={"coalesce": True, "misfire_grace_time": None},
        )
        for name, job in self._jobs.items():
            # The first run is now: whoever led before may have missed one.
            begin = self._runs[name].begin
            scheduler.add_job(begin, "interval", seconds=job.seconds, id=name, next_run_time=self._now())
        scheduler.start()
        return scheduler


def main() -> None:
    try:
        settings = Settings.from_environment()
        container = bootstrap(settings)
    except SettingsError as error:
        sys.exit(str(error))
    logs.configure(settings)
    tracing.configure(settings, "clock")
    container.telemetry.kind = "clock"
    container.telemetry.start()
    hints = HintSender(settings.redis_url, container.counters)
    job_log = JobLog(container.read_pool)
    clock = Clock(
        Leadership(settings.database_url),
        jobs(container, hints),
        lambda name, job: LoggedRun(name, job, job_log, container.counters),
    )
    pulse = Pulse(Processes(container.read_pool), "clock", clock.leads)
    # Before it is said that this clock lives: from then on it ends in order.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, clock.stop)
    pulse.start()
    finished = clock.run()
    pulse.stop()
    if finished:
        hints.close()
        container.close()
    else:
        # A job that goes on would take a connection that was closed for a failure, and say that it has ended in it.
        container.telemetry.stop()
    tracing.shutdown()


if __name__ == "__main__":
    main()
