"""The metrics of all parts of the service."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any

import redis
import structlog
from prometheus_client.core import Metric

from domain.bootstrap import Container
from web.asking import Asking
from web.metrics.counted import counted
from web.metrics.databases import database
from web.metrics.families import gauge
from web.metrics.processes import processes
from web.metrics.projections import projections
from web.metrics.servers import broker, memory

log = structlog.get_logger(__name__)

Collector = Callable[[Container], Iterable[Metric]]


class NotAll(redis.RedisError):
    """What all processes have counted can't be read. What one has counted alone would look like a fall of the sums."""


def shared(container: Container) -> Iterator[Metric]:
    """What lies in the cache's Redis: what all processes count and say. Raises NotAll."""
    look, info = container.telemetry.look(), container.caching.redis()
    if not look.complete or info is None:
        raise NotAll
    yield from counted(look.counters)
    yield from processes(list(look.processes.values()))
    yield from memory("cache", info)


#: What to ask each part for. A part is up if that goes through.
COLLECTORS: dict[str, Collector] = {
    "cache": shared,
    "broker": lambda container: broker(container.settings.redis_url),
    "write_database": lambda container: database("write", container.write_pool),
    "read_database": lambda container: database("read", container.read_pool),
    "query_database": lambda container: database("query", container.query_pool),
    "projections": projections,
}


class Parts:
    """Collects the metrics of all parts each time it is asked, in any thread. It never fails."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._asking: Asking[list[Metric] | None] = Asking("metrics")
        self._failing: set[str] = set()

    def collect(self) -> Iterator[Metric]:
        found = self._asking.ask(
            {name: partial(self._collected, name, collector) for name, collector in COLLECTORS.items()}
        )
        yield gauge(
            "cqrs_up",
            "1 for a part of the service that answered just now. What is known of one that didn't is left out",
            ("part",),
            {(name,): float(metrics is not None) for name, metrics in found.items()},
        )
        yield gauge(
            "cqrs_build_info",
            "The release that answers",
            ("version", "python"),
            {(version("pyairtable-cqrs"), platform.python_version()): 1},
        )
        yield from _merged(metrics for metrics in found.values() if metrics)

    def _collected(self, name: str, collector: Collector) -> list[Metric] | None:
        try:
            found = list(collector(self._container))
        except Exception as error:
            # Said once: it may go on for hours, and Prometheus asks every few seconds.
            if name not in self._failing:
                log.warning("A part has no metrics now", part=name, error=type(error).__name__)
            self._failing.add(name)
            return None
        self._failing.discard(name)
        return found


def _merged(parts: Iterable[list[Metric]]) -> Iterable[Metric]:
    """Return the metrics of all *parts*. Those of the same name are one metric."""
    found: dict[str, Any] = {}
    for metrics in parts:
        for metric in metrics:
            # A new one in any case: two who ask at the same time are given the same answers of the parts.
            made = found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type, metric.unit))
            made.samples += metric.samples
    return found.values()
