"""Which part of those who asked were answered from a cache, by what all processes counted."""

from __future__ import annotations

from collections.abc import Mapping

#: The counters of the cache, by level.
LEVELS = ("l1", "l2", "load")

_Cells = Mapping[str, Mapping[str, Mapping[str, int]]]

_HITS = ("hit", "absent_hit")
_ASKED = {"l1": (*_HITS, "miss"), "l2": (*_HITS, "miss", "coalesced", "bypass")}


def hits(counters: _Cells, level: str) -> int:
    """Return how many *level* answered. *counters* are those of counters.summed()."""
    return _sum(counters, level, _HITS)


def asked(counters: _Cells, level: str) -> int:
    """Return how many came to *level*. What another request loaded counts as asked for; warm-ups not at all."""
    return _sum(counters, level, _ASKED[level])


def hit_ratio(counters: _Cells) -> float | None:
    """Return which part of the ordinary requests was answered from a cache without waiting; None before the first."""
    # What the first level misses is asked of the second.
    wanted = hits(counters, "l1") + asked(counters, "l2")
    return (hits(counters, "l1") + hits(counters, "l2")) / wanted if wanted else None


def _sum(counters: _Cells, level: str, what: tuple[str, ...]) -> int:
    return sum(cell.get(name, 0) for cell in counters.get(level, {}).values() for name in what)
