"""A circuit breaker: it keeps calls away from a server that doesn't answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "probing"]


class CircuitBreaker:
    """Opens after *failures* calls in a row that failed. After a pause, one call at a time probes whether it may close.

    The pause doubles with each probe that fails, from *shortest* to *longest* seconds.
    """

    def __init__(
        self,
        failures: int = 3,
        shortest: float = 1.0,
        longest: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures_to_open = failures
        self._shortest = shortest
        self._longest = longest
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = shortest
        self._next_probe = 0.0
        self.state: State = "closed"

    def allows(self) -> bool:
        """Whether to make the call. Who is told True has to tell the outcome with succeeded() or failed()."""
        if self.state == "closed":
            return True
        with self._lock:
            # A prober that never came back is given up after another pause.
            if self._clock() < self._next_probe:
                return False
            self.state = "probing"
            self._next_probe = self._clock() + self._pause
            return True

    def succeeded(self) -> None:
        """The call went through."""
        if self.state == "closed" and not self._failures:
            return
        with self._lock:
            self.state, self._failures, self._pause = "closed", 0, self._shortest

    def failed(self) -> None:
        """The server didn't answer."""
        with self._lock:
            self._failures += 1
            if self.state == "probing":
                self._pause = min(self._pause * 2, self._longest)
            elif self._failures < self._failures_to_open:
                return
            self.state = "open"
            self._next_probe = self._clock() + self._pause
