"""One load per answer in this process. Between processes it is the lease that sees to it."""

from __future__ import annotations

import threading

from domain.cache.answer import Found


class Flight:
    """A load that is under way. Those who join it wait for what its leader finds."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._found: Found | None = None
        self._current_at = 0.0
        self._error: BaseException | None = None

    def land(self, found: Found, current_at: float) -> None:
        """*current_at* is a time at which *found* is known to have been the present answer."""
        self._found, self._current_at = found, current_at

    def crash(self, error: BaseException) -> None:
        self._error = error

    def end(self) -> None:
        self._ended.set()

    def wait(self, timeout: float, arrived: float) -> Found | None:
        """Return the answer to one who asked at the time *arrived*.

        None if it took too long, or if the answer is from before then: it was loaded earlier, and could not be stored
        because something was invalidated meanwhile. Raises what the load raised.
        """
        if not self._ended.wait(timeout):
            return None
        if self._error is not None:
            raise self._error
        return self._found if self._current_at >= arrived else None


class Flights:
    """The flights of this process, by what they load."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[tuple[str, int], Flight] = {}

    def board(self, text: str, least: int) -> tuple[Flight, bool]:
        """Return the flight that loads *text* at or past *least*, and whether the caller leads it, so has to end it.

        Those who ask for another position are on another flight: this one's answer might be too old for them.
        """
        with self._lock:
            flight = self._flights.get((text, least))
            if flight is not None:
                return flight, False
            flight = self._flights[text, least] = Flight()
            return flight, True

    def end(self, text: str, least: int) -> None:
        """Let nobody else join, then let go those who have."""
        with self._lock:
            flight = self._flights.pop((text, least))
        flight.end()
