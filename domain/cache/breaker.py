"""A circuit breaker: what does not answer is left alone for a while."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half_open"]


class Breaker:
    """Opens after *failures* in a row, for *first* seconds, then lets one probe through; each probe that fails doubles
    the time, up to *longest*. Any number of threads may share one."""

    def __init__(
        self,
        failures: int = 3,
        first: float = 1.0,
        longest: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._first = first
        self._longest = longest
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._pause = first
        self._closed = True
        self._until = 0.0
        self._probing = False
        #: How often it has opened from closed.
        self.opened = 0

    @property
    def state(self) -> State:
        if self._closed:
            return "closed"
        return "half_open" if self._probing else "open"

    def allows(self) -> bool:
        """Whether a call may be tried now. Whoever is allowed has to tell how it ended."""
        if self._closed:
            return True
        with self._lock:
            if self._closed:
                return True
            if self._clock() < self._until:
                return False
            self._probing = True
            # A probe that is lost with its thread must not keep it open for ever.
            self._until = self._clock() + self._longest
            return True

    def succeeded(self) -> None:
        if self._closed and not self._failed:
            return
        with self._lock:
            # One that set out before it opened says nothing about now.
            if self._closed or self._probing:
                self._closed, self._probing = True, False
                self._failed, self._pause = 0, self._first

    def failed(self) -> None:
        with self._lock:
            self._failed += 1
            if self._closed and self._failed < self._failures:
                return
            if self._closed:
                self._closed = False
                self.opened += 1
            elif self._probing:
                self._pause = min(self._pause * 2, self._longest)
            else:
                return
            self._probing = False
            # Processes that lost it together should not all ask again together.
            self._until = self._clock() + self._pause * random.uniform(0.8, 1.0)  # noqa: S311
