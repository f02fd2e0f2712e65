"""Which shards the projections have not folded to the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def lagging(
    heads: Mapping[int, int], positions: Mapping[tuple[int, str], int], projections: Iterable[str]
) -> list[int]:
    """Return the shards whose head is past the checkpoint of a projection."""
    names = list(projections)
    return [shard for shard, head in heads.items() if any(positions.get((shard, name), 0) < head for name in names)]
