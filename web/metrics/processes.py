"""How the processes are, by what each says of itself: the sum or the worst of all, so that no process is a label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client.core import Metric

from domain.telemetry.troubles import TROUBLES, all_troubles
from web.metrics.families import Values, gauge, single

Said = Mapping[str, Any]


def processes(said: Collection[Said]) -> Iterator[Metric]:
    """Make the metrics of what each living process has *said*."""
    yield gauge("cqrs_processes", "Processes that told of themselves lately", ("kind",), _by_kind(said, lambda _: 1))
    for name, text, add in (
        ("cqrs_process_resident_memory_bytes", "Memory of all processes of a kind together", sum),
        ("cqrs_process_resident_memory_max_bytes", "Memory of the largest process of a kind", max),
    ):
        yield gauge(name, text, ("kind",), _by_kind(said, lambda each: each.get("memory"), add))
    yield from _pools(said)
    caching = [each for each in said if "l1" in each]
    yield single("cqrs_cache_l1_bytes", "Bytes in the processes' own memories", sum(e["l1"]["bytes"] for e in caching))
    yield single(
        "cqrs_cache_l1_entries", "Answers in the processes' own memories", sum(e["l1"]["entries"] for e in caching)
    )
    lags = [each["stream"]["lag"] for each in caching if each["stream"]["lag"] is not None]
    yield single(
        "cqrs_cache_stream_lag_seconds",
        "Seconds since the process that is furthest behind last heard of invalidations",
        max(lags, default=0.0),
    )
    yield single(
        "cqrs_cache_breakers_open",
        "Processes that keep away from the cache's Redis",
        sum(each["breaker"]["state"] != "closed" for each in caching),
    )
    yield single(
        "cqrs_cache_bypassed",
        "Processes that answer from the database, since the cache can't be written to or invalidation is behind",
        sum(not each["readable"] for each in caching),
    )
    yield gauge(
        "cqrs_troubles",
        "How often in the last minute PostgreSQL's disk was full, a token's key unknown or no key to be had, an answer "
        "in Redis unreadable",
        ("trouble",),
        {
            **{(name,): 0 for name in TROUBLES},
            **{(name,): recent.times for name, recent in all_troubles(said).items()},
        },
    )


def _pools(said: Iterable[Said]) -> Iterator[Metric]:
    found: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for each in said:
        for pool, fullness in each.get("pools", {}).items():
            for state, n in fullness.items():
                found[pool.removesuffix("_pool")][state] += n
    yield gauge(
        "cqrs_database_pool_connections",
        "Connections of all processes to PostgreSQL, by pool: open, and of these in_use",
        ("pool", "state"),
        {(pool, state): counts[state] for pool, counts in found.items() for state in ("open", "in_use")},
    )
    yield gauge(
        "cqrs_database_pool_connections_max",
        "How many connections the pools of all processes may have",
        ("pool",),
        {(pool,): counts["most"] for pool, counts in found.items()},
    )


def _by_kind(
    said: Iterable[Said], value: Callable[[Said], float | None], add: Callable[[list[float]], float] = sum
) -> Values:
    found: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for each in said:
        if (one := value(each)) is not None:
            found[(each["kind"],)].append(one)
    return {kind: add(values) for kind, values in found.items()}
