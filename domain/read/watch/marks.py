"""How far a projection is on a shard, and for how long it has been there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from domain.model.event_log import EventLog
from domain.model.position import Position
from domain.postgres.pool import Pool
from domain.postgres.statements import statements

SQL = statements("domain.read.watch")


class Mark(NamedTuple):
    """A projection's place on a shard.

    ``waiting``: seconds since the first event that it has not applied occurred. ``still``: seconds for which it has
    certainly not moved although that event was there. Both are 0 where nothing waits.
    """

    projection: str
    shard: int
    position: int
    head: int
    waiting: float = 0.0
    still: float = 0.0

    @property
    def lag(self) -> int:
        return self.head - self.position


def read_marks(
    pool: Pool, event_log: EventLog, projections: Iterable[str], now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[Mark]:
    """Return a mark for each of *projections* on each shard that has events, in three statements however many lag."""
    names = list(projections)
    # The positions are read first: read after the heads, a checkpoint could be past its head.
    with pool.cursor() as cursor:
        cursor.execute(SQL["marks"])
        seen = {(name, shard): (position, moved, noted) for name, shard, position, moved, noted in cursor.fetchall()}
    heads = event_log.heads()
    marks = [
        Mark(name, shard, seen.get((name, shard), _NEVER)[0], heads.get(shard, 0))
        for name in names
        for shard in sorted(heads.keys() | {shard for each, shard in seen if each == name})
    ]
    behind = {Position(mark.shard, mark.position + 1) for mark in marks if mark.lag > 0}
    occurred = event_log.occurred(behind)
    return [mark if mark.lag <= 0 else _timed(mark, seen, occurred, now()) for mark in marks]


#: No checkpoint: position, seconds since it moved, seconds since the clock saw it there.
_NEVER: tuple[int, float | None, float | None] = (0, None, None)


def _timed(
    mark: Mark,
    seen: Mapping[tuple[str, int], tuple[int, float | None, float | None]],
    occurred: Mapping[Position, datetime],
    now: datetime,
) -> Mark:
    _, moved, noted = seen.get((mark.projection, mark.shard), _NEVER)
    first = occurred.get(Position(mark.shard, mark.position + 1))
    waiting = max(0.0, (now - first).total_seconds()) if first is not None else 0.0
    # An event's own time may come from a machine whose clock is wrong. What the clock has noted is the database's time.
    return mark._replace(
        waiting=max(waiting, noted or 0.0),
        still=max(min(math.inf if moved is None else moved, waiting), noted or 0.0),
    )
