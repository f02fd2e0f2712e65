"""What happens regularly. `python -m workers.clock` runs it; of several clocks one works and the others stand by."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping

import psycopg2
import structlog
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]

from domain import logs
from domain.bootstrap import bootstrap
from domain.settings import Settings, SettingsError
from workers.hints import HintSender
from workers.leadership import Leadership
from workers.sweep import Sweep

log = structlog.get_logger(__name__)

#: Seconds between two looks at who leads, and between two looks for a signal.
_WATCH, _LISTEN = 1.0, 0.1


class Clock:
    """Runs its jobs while it leads. Each is a function and an interval in seconds."""

    def __init__(self, leadership: Leadership, jobs: Mapping[str, tuple[Callable[[], None], float]]) -> None:
        self._leadership = leadership
        self._jobs = jobs
        self._scheduler: BackgroundScheduler | None = None
        self._stopping = False

    def run(self) -> None:
        """Work or stand by until stop() is called, then finish the job in hand."""
        next_watch = 0.0
        while not self._stopping:
            if time.monotonic() >= next_watch:
                self._follow(self._leads())
                next_watch = time.monotonic() + _WATCH
            time.sleep(_LISTEN)
        self._follow(leads=False)
        self._leadership.release()
        log.info("The clock has stopped.")

    def stop(self, *_: object) -> None:
        """End run() soon. May be called by a signal."""
        self._stopping = True

    def _leads(self) -> bool:
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
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        for name, (job, seconds) in self._jobs.items():
            scheduler.add_job(job, "interval", seconds=seconds, id=name)
        scheduler.start()
        return scheduler


def main() -> None:
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.exit(str(error))
    logs.configure(settings)
    container = bootstrap(settings)
    hints = HintSender(settings.redis_url)
    clock = Clock(Leadership(settings.database_url), {"sweep": (Sweep(container.engine, hints), 1.0)})
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, clock.stop)
    clock.run()
    hints.close()
    container.close()


if __name__ == "__main__":
    main()
