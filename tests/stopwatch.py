"""A watch for what may not take longer than it says, on machines that now and then stand still."""

from __future__ import annotations

import threading
import time
from typing import Self

#: Seconds between two ticks, and by how many one may be late before the machine is taken to have stood still.
_TICK, _LATE = 0.01, 0.03


class Stopwatch:
    """Tells how many seconds have gone by inside its ``with``, but for those in which this process could not run.

    What it waits for counts, whatever that is: a sleep, a lock, a server. That the process was stopped, or that others
    had the processors, does not, since it says nothing of what is timed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._ticking = threading.Thread(target=self._tick, name="stopwatch", daemon=True)

    def __enter__(self) -> Self:
        #: All seconds that had gone by when it was last looked at.
        self.elapsed = 0.0
        self._seconds, self._before = 0.0, time.monotonic()
        self._ticking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._ticking.join()

    @property
    def seconds(self) -> float:
        """What it shows: now, or after its end."""
        if not self._ends.is_set():
            self._advance()
        return self._seconds

    def _tick(self) -> None:
        while not self._ends.wait(_TICK):
            self._advance()
        self._advance()

    def _advance(self) -> None:
        with self._lock:
            now = time.monotonic()
            gap = now - self._before
            self.elapsed += gap
            self._seconds += gap if gap <= _TICK + _LATE else _TICK
            self._before = now
