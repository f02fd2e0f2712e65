"""The metrics of the cache and the rate limits: what all processes have counted together, and how each is."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from domain.caching import Caching
from web.limits import FAILED

#: Counters that say how much, not how often something happened: name and help of their metrics.
_AMOUNTS = {
    "load_us": ("cqrs_cache_load_seconds", "Time spent loading answers", 1e-6),
    "bytes": ("cqrs_cache_stored_bytes", "Bytes stored in Redis", 1.0),
}


class CacheCollector:
    """Collects the metrics of *caching* each time it is asked. Any process gives the same answer for all of them."""

    def __init__(self, caching: Caching) -> None:
        self._caching = caching

    def collect(self) -> Iterator[Metric]:
        stats = self._caching.stats()
        yield _failed_open(stats["counters"])
        events = CounterMetricFamily(
            "cqrs_cache_events",
            "What happened in the cache, over all processes since they were first counted",
            labels=["level", "query", "event"],
        )
        amounts = {
            name: CounterMetricFamily(metric, text, labels=["level", "query"])
            for name, (metric, text, _) in _AMOUNTS.items()
        }
        for level, queries in sorted(stats["counters"].items()):
            for query, cells in sorted(queries.items()):
                for name, n in sorted(cells.items()):
                    if name in _AMOUNTS:
                        amounts[name].add_metric([level, query], n * _AMOUNTS[name][2])
                    else:
                        events.add_metric([level, query, name], n)
        yield events
        yield from amounts.values()
        yield from _processes(stats["processes"])
        if (memory := stats["redis"]) is not None:
            yield GaugeMetricFamily(
                "cqrs_cache_redis_used_bytes", "Memory that Redis uses", value=memory["used_memory"]
            )
            yield CounterMetricFamily(
                "cqrs_cache_redis_evicted", "Keys that Redis evicted", value=memory["evicted_keys"]
            )


def _failed_open(counters: dict[str, dict[str, dict[str, int]]]) -> Metric:
    """Take what the rate limits count, which stands beside the cache's levels, out of *counters*."""
    level, query, event = FAILED
    return CounterMetricFamily(
        "cqrs_rate_limits_failed_exchanges",
        "Exchanges with Redis that did not come about, four a second while a process with requests counts alone",
        value=counters.pop(level, {}).get(query, {}).get(event, 0),
    )


def _processes(processes: dict[str, dict[str, object]]) -> Iterator[Metric]:
    def gauge(name: str, text: str, of: tuple[str, ...]) -> Metric:
        family = GaugeMetricFamily(f"cqrs_cache_{name}", text, labels=["process"])
        for process, said in sorted(processes.items()):
            value: object = said
            for part in of:
                value = value[part]  # type: ignore[index]
            if value is not None:
                family.add_metric([process], _number(value))
        return family

    yield gauge("l1_bytes", "Bytes in the process's own memory", ("l1", "bytes"))
    yield gauge("l1_entries", "Answers in the process's own memory", ("l1", "entries"))
    yield gauge("stream_lag_seconds", "Seconds since the process last heard of invalidations", ("stream", "lag"))
    yield gauge("breaker_open", "1 while the process keeps away from Redis", ("breaker", "state"))
    yield gauge("readable", "1 while the process answers from the cache", ("readable",))


def _number(value: object) -> float:
    if isinstance(value, str):
        return 0.0 if value == "closed" else 1.0
    return float(value)  # type: ignore[arg-type]
