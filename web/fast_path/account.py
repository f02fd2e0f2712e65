"""What is kept of the answers that passed Flask by: the same counts and lines as of all others, a moment later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from domain import logs
from domain.caching import Caching
from domain.later import Later
from domain.telemetry.names import HTTP, QUERY
from web import access_log
from web.fast_path.finished import Finished
from web.metrics.requests import found_at, labelled

#: An answer that was given: with what status, in how many seconds, when, and to the request of which name.
Given = tuple[Finished, int, float, float, str]


class Account:
    """Counts and logs what was given, after it was given: while it is done no other request is answered."""

    def __init__(self, caching: Caching) -> None:
        self._cache = caching.cache
        self._counters = caching.cache.counters
        self._hot = caching.hot
        self._later: Later[Given] = Later(self._keep, first=True)
        self._counters.settle_first(self._later.flush)
        #: Remember that an answer was given, to be counted and logged soon.
        self.note: Callable[[Given], None] = self._later.hand_over

    def flush(self) -> None:
        """Return when all that was given is counted and logged."""
        self._later.flush()
        logs.flush()

    def _keep(self, all_given: Sequence[Given]) -> None:
        alike: dict[tuple[str, str, int], list[tuple[float, float, str]]] = defaultdict(list)
        for finished, status, seconds, at, name in all_given:
            alike[finished.query, finished.route, status].append((at, seconds, name))
        for (query, route, status), given in alike.items():
            times = [seconds for _, seconds, _ in given]
            self._cache.given(query, n=len(given))
            self._counters.observe_all(QUERY, found_at(query, "l1"), times)
            self._counters.time(HTTP, labelled("GET", route, status), sum(times), len(times))
            access_log.write_all("GET", route, status, given)
        self._hot.asked(*[finished.text for finished, *_ in all_given])
