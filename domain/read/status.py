"""How far the projections are behind the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: How many of the slowest shards are named.
_SLOWEST = 5


def lagging(
    heads: Mapping[int, int], positions: Mapping[tuple[int, str], int], projections: Iterable[str]
) -> list[int]:
    """Return the shards whose head is past the checkpoint of a projection."""
    names = list(projections)
    return [shard for shard, head in heads.items() if any(positions.get((shard, name), 0) < head for name in names)]


def status(
    heads: Mapping[int, int], positions: Mapping[tuple[int, str], int], projections: Iterable[str]
) -> list[dict[str, Any]]:
    """Return for each projection its name and state, the events applied and the events it lags behind by."""
    return [
        _status(name, {shard: (head, positions.get((shard, name), 0)) for shard, head in heads.items()})
        for name in projections
    ]


def _status(name: str, shards: Mapping[int, tuple[int, int]]) -> dict[str, Any]:
    lags = {shard: head - position for shard, (head, position) in shards.items()}
    behind = sorted((shard for shard, lag in lags.items() if lag > 0), key=lambda shard: -lags[shard])
    ahead = sum(lag < 0 for lag in lags.values())
    return {
        "projection": name,
        "state": "diverged" if ahead else "catching_up" if behind else "current",
        "applied": sum(position for _, position in shards.values()),
        "lag": sum(lags[shard] for shard in behind),
        "shards_behind": len(behind),
        "shards_diverged": ahead,
        "slowest_shards": [{"shard": shard, "lag": lags[shard]} for shard in behind[:_SLOWEST]],
    }
