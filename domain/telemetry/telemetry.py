"""What this process counts and says, told to all others, and what they tell."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import redis
import structlog

from domain.telemetry.board import Board, Seen
from domain.telemetry.counters import Counter, Counters, Summed, summed, written
from domain.telemetry.history import History, Lags, Point, points, sample
from domain.telemetry.troubles import Troubles

log = structlog.get_logger(__name__)

#: Seconds between two times that a process tells of itself.
TELL = 1.0


class Look(NamedTuple):
    """The counters over all processes since they were first counted, and what each living one says of itself.

    *complete*: they are those of all. Without Redis they are those of this process.
    """

    counters: Summed
    processes: dict[str, dict[str, Any]]
    complete: bool


class Telemetry:
    """Counts at once, and tells every second, on a thread of its own. Redis may fail at any time: nothing is raised."""

    def __init__(self, client: redis.Redis) -> None:
        """*client* waits for its answers no longer than one who looks may wait."""
        self.counters = Counters()
        self.troubles = Troubles()
        #: The name under which this process tells of itself, and what it is: ``web``, ``worker``, ``clock``, ``other``.
        self.process = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"
        self.kind = "other"
        self._client = client
        self._board = Board(client)
        self._history = History(client)
        self._also: dict[str, Callable[[], Any]] = {
            "kind": lambda: self.kind,
            "memory": resident_memory,
            "troubles": self.troubles.said,
        }
        self._counts: list[Callable[[], Mapping[Counter, int]]] = []
        self._listeners: list[Callable[[redis.RedisError | OSError | None], None]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = self._away = False

    def also_say(self, name: str, say: Callable[[], Any]) -> None:
        """Tell the others what *say* returns too, as JSON can have it."""
        self._also[name] = say

    def also_count(self, counted: Callable[[], Mapping[Counter, int]]) -> None:
        """Tell the others what *counted* returns too, which has to be counters that only ever rise."""
        self._counts.append(counted)

    def on_told(self, listener: Callable[[redis.RedisError | OSError | None], None]) -> None:
        """Call *listener* after each time that this process has told of itself; the error says why it could not."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Start to tell, if that has not begun. It costs nothing to be asked for it again."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Tell for a last time, and stop."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(2 * TELL)
            self._thread = None
            self.tell()

    def close(self) -> None:
        self.stop()
        self._client.close()

    def _run(self) -> None:
        while True:
            try:
                self.tell()
            except Exception:
                # Said once: it may go on for hours.
                if not self._failing:
                    log.exception("This process can't tell of itself.")
                self._failing = True
            if self._stopping.wait(TELL):
                return

    def tell(self) -> None:
        """Tell the others of this process."""
        error: redis.RedisError | OSError | None = None
        # One at a time, since what was said later must not be overwritten by what was said before.
        with self._lock:
            try:
                self._board.publish(self.process, self.said())
            except (redis.RedisError, OSError) as failed:
                error = failed
            self._away = error is not None
        for listener in self._listeners:
            listener(error)

    def said(self) -> dict[str, Any]:
        """Return what this process counts, and how it is."""
        totals = self.counters.totals()
        # Copies, since parts that are made only now may add themselves meanwhile.
        for counted in list(self._counts):
            totals.update(counted())
        return {"counters": written(totals), **{name: say() for name, say in list(self._also.items())}}

    def look(self) -> Look:
        """Return what all processes count and say; Redis down, what this one does."""
        seen = self._seen()
        if seen is None:
            said = self.said()
            return Look(summed([said.pop("counters")]), {self.process: said}, complete=False)
        counted = [seen.retired, *(said.pop("counters") for said in seen.processes.values())]
        return Look(summed(counted), seen.processes, complete=True)

    def _seen(self) -> Seen | None:
        # Who is told every second that Redis is away doesn't wait for it once more.
        if self._away and self._thread is not None:
            return None
        self.tell()
        with suppress(redis.RedisError, OSError):
            return self._board.read()
        return None

    def sample(self, lags: Lags) -> None:
        """Write down for the history how much has been counted up to now, and how far each projection is behind.

        For the one process that does so every history.INTERVAL seconds.
        """
        look = self.look()
        if look.complete:
            with suppress(redis.RedisError, OSError):
                self._history.add(sample(look.counters, lags))

    def history(self) -> list[Point]:
        """Return the last hour, the oldest first; what was last read while Redis is away."""
        return points(self._history.samples())


def resident_memory() -> int | None:
    """Return the bytes of memory that this process has; None where the system doesn't tell."""
    with suppress(OSError), open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None
