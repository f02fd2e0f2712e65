"""The runs of a job of the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Runs:
    """Runs *job* whenever it is due, on a thread of its own, so that none of several jobs waits for another.

    It never runs beside itself, not even where the lead was lost and taken again meanwhile. A run that goes on when the
    process ends, ends with it: a job may break off at any place, and is begun again by whoever leads next.
    """

    def __init__(self, name: str, job: Callable[[], None]) -> None:
        """*job* never raises."""
        self.name = name
        self._job = job
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin a run, unless one goes on. Not to be called by two threads at once."""
        if self.wait(0):
            self._thread = threading.Thread(target=self._job, name=self.name, daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait for so many *seconds* at most until no run goes on; return whether that is so."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()
