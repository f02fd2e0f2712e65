"""All parts of the service, each asked on a thread of its own, so that one that hangs keeps nobody from the others."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import Any

import redis
import structlog
from prometheus_client.core import Metric

from domain.bootstrap import Container
from web.metrics.counted import counted
from web.metrics.databases import database
from web.metrics.families import gauge
from web.metrics.processes import processes
from web.metrics.projections import projections
from web.metrics.servers import broker, memory

log = structlog.get_logger(__name__)

#: Seconds after which a part that has not answered is taken for down.
PATIENCE = 2.0

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
        self._asked: dict[str, threading.Thread] = {}
        self._failing: set[str] = set()

    def collect(self) -> Iterator[Metric]:
        deadline = time.monotonic() + PATIENCE
        asked = {name: self._ask(name, collector) for name, collector in COLLECTORS.items()}
        found: dict[str, list[Metric] | None] = {}
        for name, (thread, answer) in asked.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            found[name] = answer[0] if answer else None
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

    def _ask(self, name: str, collector: Collector) -> tuple[threading.Thread, list[list[Metric]]]:
        """Ask a part, unless whoever asked it before is still waiting."""
        answer: list[list[Metric]] = []
        before = self._asked.get(name)
        if before is not None and before.is_alive():
            return before, answer

        def ask() -> None:
            try:
                answer.append(list(collector(self._container)))
                self._failing.discard(name)
            except Exception as error:
                # Said once: it may go on for hours, and Prometheus asks every few seconds.
                if name not in self._failing:
                    log.warning("A part has no metrics now", part=name, error=type(error).__name__)
                self._failing.add(name)

        thread = self._asked[name] = threading.Thread(target=ask, name=f"metrics of {name}", daemon=True)
        thread.start()
        return thread, answer


def _merged(parts: Iterable[list[Metric]]) -> Iterable[Metric]:
    """Return the metrics of all *parts*. Those of the same name are one metric."""
    found: dict[str, Any] = {}
    for metrics in parts:
        for metric in metrics:
            if metric.name in found:
                found[metric.name].samples += metric.samples
            else:
                found[metric.name] = metric
    return found.values()
