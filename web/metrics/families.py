"""Metrics made of what was counted. Times are seconds, and what is counted ends in _total, as Prometheus wants it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.utils import floatToGoString

from domain.telemetry.histogram import BOUNDS, COUNT, SUM, histogram

#: Values by their labels.
Values = Mapping[tuple[str, ...], float | None]

_LES = (*map(floatToGoString, BOUNDS), "+Inf")


def counter(name: str, text: str, labels: Sequence[str], values: Values) -> Metric:
    """Make a counter, whose *name* has no _total."""
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value or 0)
    return family


def gauge(name: str, text: str, labels: Sequence[str], values: Values) -> Metric:
    """Make a gauge. What is None is not known, and left out."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items()):
        if value is not None:
            family.add_metric(key, value)
    return family


def single(name: str, text: str, value: float | None) -> Metric:
    """Make a gauge without labels."""
    return gauge(name, text, (), {(): value})


def times(
    name: str, text: str, labels: Sequence[str], cells: Mapping[tuple[str, ...], Iterable[Mapping[str, int]]]
) -> Metric:
    """Make a histogram of what Counters.observe() counted."""
    family = HistogramMetricFamily(name, text, labels=labels)
    for key, counted in sorted(cells.items()):
        found = histogram(counted)
        buckets = list(zip(_LES, map(float, accumulate(found.buckets)), strict=True))
        family.add_metric(key, buckets, found.seconds)
    return family


def means(name: str, text: str, labels: Sequence[str], cells: Mapping[tuple[str, ...], Mapping[str, int]]) -> Metric:
    """Make a summary without quantiles of what Counters.time() counted."""
    family = SummaryMetricFamily(name, text, labels=labels)
    for key, cell in sorted(cells.items()):
        family.add_metric(key, cell.get(COUNT, 0), cell.get(SUM, 0) / 1e6)
    return family
