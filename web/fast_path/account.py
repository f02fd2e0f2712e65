"""What is kept of the answers that passed Flask by: the same counts and lines as of all others, a moment later."""

from __future__ import annotations

import time
from collections.abc import Sequence

from domain import logs
from domain.caching import Caching
from domain.later import Later
from domain.telemetry.names import HTTP, QUERY
from web import access_log
from web.fast_path.finished import Finished
from web.metrics.requests import found_at, labelled

#: An answer that was given: with what status and request id, in how many seconds, and when.
Given = tuple[Finished, int, str, float, float]


class Account:
    """Counts and logs what was given, after it was given: while it is done no other request is answered."""

    def __init__(self, caching: Caching) -> None:
        self._queries = caching.queries
        self._counters = caching.cache.counters
        self._later: Later[Given] = Later(self._keep, first=True)
        self._counters.settle_first(self._later.flush)

    def note(self, finished: Finished, status: int, name: str, seconds: float) -> None:
        """Remember that *finished* was given to the request *name*, to be counted and logged soon."""
        self._later.hand_over((finished, status, name, seconds, time.time()))

    def flush(self) -> None:
        """Return when all that was given is counted and logged."""
        self._later.flush()
        logs.flush()

    def _keep(self, all_given: Sequence[Given]) -> None:
        for finished, status, name, seconds, given_at in all_given:
            self._queries.given(finished.key)
            self._counters.observe(QUERY, found_at(finished.key.query, "l1"), seconds)
            self._counters.time(HTTP, labelled("GET", finished.route, status), seconds)
            access_log.write("GET", finished.route, name, status, seconds, created=given_at)
