from __future__ import annotations

import random

import pytest

from domain.telemetry.counters import Counters
from domain.telemetry.histogram import BOUNDS, histogram, quantile


def test_quantiles_are_as_near_as_their_buckets():
    counters, chance = Counters(), random.Random(5)
    times = sorted(chance.expovariate(1 / 0.02) for _ in range(5000))
    for seconds in times:
        counters.observe("query", "user/load", seconds)

    found = histogram([{what: n for (_, _, what), n in counters.totals().items()}])

    assert found.times == 5000
    assert found.mean == pytest.approx(sum(times) / 5000, rel=0.001)
    for q in (0.5, 0.95, 0.99):
        true = times[int(q * 5000)]
        bucket = next(bound for bound in BOUNDS if bound >= true)
        below = max((bound for bound in BOUNDS if bound < true), default=0.0)
        assert below <= (quantile(found.buckets, q) or 0) <= bucket


def test_where_nothing_happened_nothing_is_said():
    nothing = histogram([])

    assert (nothing.times, nothing.mean, quantile(nothing.buckets, 0.5)) == (0, None, None)


def test_what_took_longest_is_told_as_the_last_bound():
    assert quantile((0,) * len(BOUNDS) + (3,), 0.99) == BOUNDS[-1]
