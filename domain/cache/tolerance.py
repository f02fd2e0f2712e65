"""Going through many questions, of which some can't be answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from domain.cache.keys import Key
from domain.model.errors import DomainError, Unavailable
from domain.telemetry.counters import Counters

#: So many failures in a row are not the questions' fault.
_IN_A_ROW = 5


class Tolerance:
    """Lets a question pass that fails, so that the others get their answers, and counts it as ``failed``.

    One that is refused for what it asks always passes. Of other errors, such as those of a database that is down, only
    a few in a row do: the last of these is raised.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._in_a_row = 0

    @contextmanager
    def of(self, key: Key) -> Iterator[None]:
        """Try what is asked by *key* in this block."""
        try:
            yield
        except Exception as error:
            self._counters.count("l2", key.query, "failed")
            if isinstance(error, DomainError) and not isinstance(error, Unavailable):
                return
            self._in_a_row += 1
            if self._in_a_row >= _IN_A_ROW:
                raise
        else:
            self._in_a_row = 0
