"""What came of folding a shard."""

from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """What came of a run: how many events were *applied*, whether the shard is still *behind* (there may be more to
    read), whether another worker was *busy* with it, the projections in which something *failed* and was parked or
    paused for it, and how many events of parked aggregates were *released*."""

    applied: int = 0
    behind: bool = False
    busy: bool = False
    failed: tuple[str, ...] = ()
    released: int = 0
