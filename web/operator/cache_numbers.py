"""What the cache counts, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from domain.cache.keys import KINDS
from domain.telemetry import ratios


class QueryRow(NamedTuple):
    """One type of query: how many answers came from where, over all processes."""

    query: str
    l1: int
    l2: int
    loads: int
    stale: int
    coalesced: int
    bypassed: int
    rejected: int
    warmed: int
    ratio: float | None
    load_seconds: float | None


class CacheNumbers(NamedTuple):
    """*levels*: which part of those who asked a level found their answer there."""

    ratio: float | None
    levels: dict[str, float | None]
    queries: list[QueryRow]
    processes: dict[str, dict[str, Any]]
    redis: dict[str, Any] | None


def numbers(stats: Mapping[str, Any]) -> CacheNumbers:
    """Make of Caching.stats() what a page shows."""
    counters = stats["counters"]
    return CacheNumbers(
        ratio=stats["hit_ratio"],
        levels={level: _part(ratios.hits(counters, level), ratios.asked(counters, level)) for level in ("l1", "l2")},
        queries=[_row(query, counters, stats["hit_ratios"].get(query)) for query in KINDS],
        processes=stats["processes"],
        redis=stats["redis"],
    )


def _part(hits: int, asked: int) -> float | None:
    return hits / asked if asked else None


def _hits(cells: Mapping[str, int]) -> int:
    return cells.get("hit", 0) + cells.get("absent_hit", 0)


def _row(query: str, counters: Mapping[str, Mapping[str, Mapping[str, int]]], ratio: float | None) -> QueryRow:
    l1, l2, load = (counters.get(level, {}).get(query, {}) for level in ("l1", "l2", "load"))
    loads = load.get("load", 0)
    return QueryRow(
        query=query,
        l1=_hits(l1),
        l2=_hits(l2),
        loads=loads,
        stale=l2.get("stale", 0),
        coalesced=l2.get("coalesced", 0),
        bypassed=l2.get("bypass", 0),
        rejected=l2.get("rejected", 0),
        warmed=l2.get("warm", 0),
        ratio=ratio,
        load_seconds=load.get("load_us", 0) / loads / 1e6 if loads else None,
    )
