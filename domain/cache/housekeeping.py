"""What a process has to do for its cache from time to time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

#: Seconds between two rounds.
ROUND = 0.5


class Housekeeping:
    """A thread that does each of its tasks every so many seconds. A task that fails is logged and done again."""

    def __init__(self, tasks: dict[Callable[[], None], float]) -> None:
        self._tasks = tasks
        self._failing: set[Callable[[], None]] = set()
        self._due = dict.fromkeys(tasks, 0.0)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cache-housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2 * ROUND)

    def _run(self) -> None:
        while not self._stopping.wait(ROUND):
            self.round(time.monotonic())

    def round(self, now: float) -> None:
        """Do what is due."""
        for task, seconds in self._tasks.items():
            if now >= self._due[task]:
                self._due[task] = now + seconds
                try:
                    task()
                except Exception:
                    # Said once: it may go on for hours.
                    if task not in self._failing:
                        log.exception("A task of the cache failed.", task=task.__name__)
                    self._failing.add(task)
                else:
                    self._failing.discard(task)
