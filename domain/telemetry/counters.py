"""What a process counts, at no cost worth mentioning, to be read over all processes."""

from __future__ import annotations

import threading
import weakref
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from domain.telemetry.histogram import BOUNDS, COUNT, SUM

#: A counter: what is counted, of which kind, what happened. Only the second may have a slash in it.
Counter = tuple[str, str, str]

#: What is counted over processes: by the three parts of a counter.
Summed = dict[str, dict[str, dict[str, int]]]

#: A cell is a counter, or a bucket that holds in one number how often something happened and how long it took in all.
_Cell = tuple[str, str, "str | int"]
_Cells = defaultdict[_Cell, int]

#: Where the times that are no histogram lie: all in one bucket.
_ALL = -1

#: One more time in a bucket. Below it lie the microseconds of all of them, for 35 years of one thread.
_ONCE = 1 << 50


class Counters:
    """Counters that only ever rise. Each thread has its own cells, so that counting takes no lock.

    What the cache counts under ``l1``, ``l2`` and ``load``: ``hit``, ``absent_hit`` (the answer "there is no such
    thing"), ``miss``, ``stale`` (an entry was there and its fence didn't let it through), ``coalesced`` (another
    request loaded it), ``load``, ``load_us``, ``failed``, ``warm`` (loaded by a warm-up), ``refresh``, ``stored``,
    ``rejected`` (a fill that came too late), ``written`` (by write-through), ``unreadable``, ``bypass``, ``bytes``;
    and in place of a query for ``all``: ``error`` (Redis did not answer), ``refused`` (it answered, but not with what
    was asked for), ``opened`` (the breaker), ``evicted``, ``emptied`` (all of the memory, since messages may have
    been missed), ``disconnected`` (from the stream). What else is counted is in domain.telemetry.names.
    """

    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()
        self._threads: list[tuple[weakref.ref[threading.Thread], _Cells]] = []
        self._ended: _Cells = defaultdict(int)
        self._settle: list[Callable[[], None]] = []

    def settle_first(self, settle: Callable[[], None]) -> None:
        """Before the totals are taken call *settle*, which counts what has happened and was not counted yet."""
        self._settle.append(settle)

    def count(self, family: str, label: str, what: str, n: int = 1) -> None:
        try:
            cells: _Cells = self._local.cells
        except AttributeError:
            cells = self._open()
        cells[family, label, what] += n

    def observe(self, family: str, label: str, seconds: float, n: int = 1) -> None:
        """Count something that took so many seconds, *n* times, in the bucket that it belongs to."""
        self._time((family, label, bisect_left(BOUNDS, seconds)), n * seconds, n)

    def observe_all(self, family: str, label: str, times: Iterable[float]) -> None:
        """As observe(), for each of *times*."""
        ordered = sorted(times)
        start = bucket = 0
        while start < len(ordered):
            end = bisect_right(ordered, BOUNDS[bucket], start) if bucket < len(BOUNDS) else len(ordered)
            if end > start:
                self._time((family, label, bucket), sum(ordered[start:end]), end - start)
            start, bucket = end, bucket + 1

    def time(self, family: str, label: str, seconds: float, n: int = 1) -> None:
        """Count something where only the mean is wanted: that it happened *n* times, and took so long in all."""
        self._time((family, label, _ALL), seconds, n)

    def _time(self, cell: _Cell, seconds: float, n: int) -> None:
        try:
            cells: _Cells = self._local.cells
        except AttributeError:
            cells = self._open()
        cells[cell] += n * _ONCE + int(seconds * 1e6)

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
        """Return all counters of this process. Of a time there are several: each bucket's, and the microseconds."""
        for settle in self._settle:
            settle()
        total: _Cells = defaultdict(int)
        with self._lock:
            self._fold()
            for cells in (self._ended, *(cells for _, cells in self._threads)):
                _add(total, cells)
        return dict(_opened(total))


def _add(total: _Cells, cells: Mapping[_Cell, int]) -> None:
    # Copying is one step that no counting comes between.
    for cell, n in dict(cells).items():
        total[cell] += n


def _opened(cells: Mapping[_Cell, int]) -> dict[Counter, int]:
    total: defaultdict[Counter, int] = defaultdict(int)
    for (family, label, what), n in cells.items():
        if isinstance(what, str):
            total[family, label, what] += n
        else:
            times, microseconds = divmod(n, _ONCE)
            total[family, label, COUNT if what == _ALL else str(what)] += times
            total[family, label, SUM] += microseconds
    return total


def written(totals: Mapping[Counter, int]) -> dict[str, int]:
    """Return the counters by names that JSON can have: ``l1/user/hit``."""
    return {"/".join(counter): n for counter, n in totals.items()}


def summed(processes: Iterable[Mapping[str, int]]) -> Summed:
    """Return the sum of what written() gave for each process, by what is counted, its kind, and what happened."""
    total: Summed = {}
    for counters in processes:
        for name, n in counters.items():
            family, _, rest = name.partition("/")
            label, _, what = rest.rpartition("/")
            cell = total.setdefault(family, {}).setdefault(label, {})
            cell[what] = cell.get(what, 0) + n
    return total
