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

log = structlog.get_logger(__name__)

#: Seconds between two looks at who leads, and between two looks for a signal.
_WATCH, _LISTEN = 1.0, 0.1

#: Seconds after which a clock that has not looked who leads is not believed to lead.
_STALE = 5.0


class Clock:
    """Runs its jobs while it leads."""

    def __init__(
        self, leadership: Leadership, jobs: Mapping[str, Job], logged: Callable[[str, Job], Callable[[], None]]
    ) -> None:
        """*logged* makes of a job what runs it and never raises."""
        self._leadership = leadership
        self._jobs = jobs
        self._logged = logged
        self._watched = 0.0
        self._scheduler: BackgroundScheduler | None = None
        self._stopping = False

    def run(self) -> None:
        """Work or stand by until stop() is called, then finish the job in hand."""
        next_watch = 0.0
        while not self._stopping:
            if time.monotonic() >= next_watch:
                self._follow(self._asked())
                self._watched = time.monotonic()
                next_watch = time.monotonic() + _WATCH
            time.sleep(_LISTEN)
        self._follow(leads=False)
        self._leadership.release()
        log.info("The clock has stopped.")

    def stop(self, *_: object) -> None:
        """End run() soon. May be called by a signal."""
        self._stopping = True

    def leads(self) -> bool:
        """Whether this clock works. May be asked by another thread."""
        return self._scheduler is not None and time.monotonic() - self._watched < _STALE

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
            self._scheduler.shutdown(wait=True)
            self._scheduler = None
            log.info("The clock stands by.")

    def _started(self) -> BackgroundScheduler:
        # Runs that were missed become one, and a job never runs beside itself.
        scheduler = BackgroundScheduler(
            timezone="UTC",
            # A thread for each, so that none waits for another.
            executors={"default": {"type": "threadpool", "max_workers": len(self._jobs)}},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for name, job in self._jobs.items():
            # The first run is now: whoever led before may have missed one.
            scheduler.add_job(
                self._logged(name, job), "interval", seconds=job.seconds, id=name, next_run_time=datetime.now(UTC)
            )
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
    pulse.start()
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, clock.stop)
    clock.run()
    pulse.stop()
    hints.close()
    container.close()
    tracing.shutdown()


if __name__ == "__main__":
    main()
