"""Times in buckets: few and fixed, so that those of all processes can be added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

#: The longest time of each bucket but the last, in seconds.
BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

#: What the numbers of a time are called in counters, beside those of the buckets: how often, and the microseconds.
COUNT, SUM = "n", "us"


class Histogram(NamedTuple):
    """How many times were in each bucket, the last of which has no end, and all times together in seconds."""

    buckets: tuple[int, ...]
    seconds: float

    @property
    def times(self) -> int:
        return sum(self.buckets)

    @property
    def mean(self) -> float | None:
        """Seconds; None if there was nothing."""
        return self.seconds / self.times if self.times else None


def histogram(cells: Iterable[Mapping[str, int]]) -> Histogram:
    """Return what is in *cells*, each the numbers of one time, together."""
    buckets, microseconds = [0] * (len(BOUNDS) + 1), 0
    for cell in cells:
        for name, n in cell.items():
            if name == SUM:
                microseconds += n
            elif name.isdigit():
                buckets[int(name)] += n
    return Histogram(tuple(buckets), microseconds / 1e6)


def quantile(buckets: Sequence[float], q: float) -> float | None:
    """Return about how long the fastest part *q* took at most, in seconds; None if there was nothing.

    The times are taken to be spread evenly over their bucket, as Prometheus does; what is in the last bucket is told
    as that one's beginning.
    """
    count = sum(buckets)
    if count <= 0:
        return None
    rank, below = q * count, 0.0
    for number, n in enumerate(buckets[:-1]):
        if n and below + n >= rank:
            start = BOUNDS[number - 1] if number else 0.0
            return start + (BOUNDS[number] - start) * (rank - below) / n
        below += n
    return BOUNDS[-1]
