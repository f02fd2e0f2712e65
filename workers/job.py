"""A job of the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from domain.read.errors import is_transient
from domain.read.watch.job_log import JobLog
from domain.telemetry.counters import Counters
from domain.telemetry.names import JOB

log = structlog.get_logger(__name__)


class Job(NamedTuple):
    """*run* is called every *seconds*."""

    run: Callable[[], object]
    seconds: float


class LoggedRun:
    """Runs a job. It never raises, so that no job stops another; how it went is written down where status reads it."""

    def __init__(self, name: str, job: Job, job_log: JobLog, counters: Counters | None = None) -> None:
        self._name = name
        self._job = job
        self._log = job_log
        self._counters = counters or Counters()

    def __call__(self) -> None:
        self._write(lambda: self._log.begun(self._name))
        began = time.monotonic()
        error = self._run()
        self._counters.time(JOB, f"{self._name}/{'done' if error is None else 'failed'}", time.monotonic() - began)
        self._write(lambda: self._log.ended(self._name, error))

    def _run(self) -> str | None:
        try:
            self._job.run()
        except Exception as error:
            reason = f"{type(error).__name__}: {str(error).strip()}"
            if is_transient(error):
                log.warning("A job can't be done now.", job=self._name, reason=reason)
            else:
                log.exception("A job has failed.", job=self._name)
            return reason
        return None

    def _write(self, action: Callable[[], None]) -> None:
        # The job is what matters: it runs even where nobody can be told.
        try:
            action()
        except Exception as error:
            log.warning("A job's run can't be written down.", job=self._name, error=type(error).__name__)
