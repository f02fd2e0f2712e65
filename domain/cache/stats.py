"""What the cache counts: each process for itself, at no cost worth mentioning, to be read over all of them."""

from __future__ import annotations

import threading
import weakref
from collections import defaultdict
from collections.abc import Iterable, Mapping

#: A counter: level, query type, what happened. Times are in microseconds.
Counter = tuple[str, str, str]

_Cells = defaultdict[Counter, int]


class Stats:
    """Counters that only ever rise. Each thread has its own cells, so that counting takes no lock.

    What may happen: ``hit``, ``absent_hit`` (the answer "there is no such thing"), ``miss``, ``stale`` (an entry was
    there and its fence didn't let it through), ``coalesced`` (another request loaded it), ``load``, ``load_us``,
    ``failed``, ``warm`` (loaded by a warm-up), ``refresh``, ``stored``, ``rejected`` (a fill that came too late),
    ``unreadable``, ``error`` (of Redis), ``bypass``, ``bytes``.
    """

    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()
        self._threads: list[tuple[weakref.ref[threading.Thread], _Cells]] = []
        self._ended: _Cells = defaultdict(int)

    def count(self, level: str, query: str, what: str, n: int = 1) -> None:
        try:
            cells: _Cells = self._local.cells
        except AttributeError:
            cells = self._open()
        cells[level, query, what] += n

    def _open(self) -> _Cells:
        cells: _Cells = defaultdict(int)
        self._local.cells = cells
        with self._lock:
            self._fold()
            self._threads.append((weakref.ref(threading.current_thread()), cells))
        return cells

    def _fold(self) -> None:
        """Keep what the threads that have ended counted."""
        running = []
        for thread, cells in self._threads:
            alive = thread()
            if alive is not None and alive.is_alive():
                running.append((thread, cells))
            else:
                _add(self._ended, cells)
        self._threads = running

    def totals(self) -> dict[Counter, int]:
        """Return all counters of this process."""
        total: _Cells = defaultdict(int)
        with self._lock:
            self._fold()
            for cells in (self._ended, *(cells for _, cells in self._threads)):
                _add(total, cells)
        return dict(total)


def _add(total: _Cells, cells: Mapping[Counter, int]) -> None:
    # Copying is one step that no counting comes between.
    for counter, n in dict(cells).items():
        total[counter] += n


def written(totals: Mapping[Counter, int]) -> dict[str, int]:
    """Return the counters by names that JSON can have: ``l1/user/hit``."""
    return {"/".join(counter): n for counter, n in totals.items()}


def summed(processes: Iterable[Mapping[str, int]]) -> dict[str, dict[str, dict[str, int]]]:
    """Return the sum of what written() gave for each process: level → query type → what happened → how often."""
    total: dict[str, dict[str, dict[str, int]]] = {}
    for counters in processes:
        for name, n in counters.items():
            level, query, what = name.split("/")
            cell = total.setdefault(level, {}).setdefault(query, {})
            cell[what] = cell.get(what, 0) + n
    return total


def hit_ratio(counters: Mapping[str, Mapping[str, Mapping[str, int]]]) -> float | None:
    """Return which part of the ordinary requests was answered from a cache without waiting; None before the first.

    *counters* are those of summed(). What another request loaded counts as not answered, and warm-ups not at all.
    """
    happened: defaultdict[str, int] = defaultdict(int)
    for level in ("l1", "l2"):
        for cell in counters.get(level, {}).values():
            for what, n in cell.items():
                # What the first level misses is asked of the second.
                if (level, what) != ("l1", "miss"):
                    happened[what] += n
    hits = happened["hit"] + happened["absent_hit"]
    asked = hits + happened["miss"] + happened["coalesced"] + happened["bypass"]
    return hits / asked if asked else None
