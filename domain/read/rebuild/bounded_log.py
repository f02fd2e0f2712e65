"""A log that ends where the live projection stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from domain.model.event import RecordedEvent
from domain.model.event_log import EventLog, Interest
from domain.model.position import Position


class BoundedLog(EventLog):
    """EventLog that shows each shard up to its *bounds* only, so that whoever reads it gets no further."""

    def __init__(self, event_log: EventLog, bounds: Callable[[], dict[int, int]]) -> None:
        self._event_log = event_log
        self._bounds = bounds

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> Sequence[RecordedEvent]:
        limit = min(limit, self._bounds().get(shard, 0) - after)
        return self._event_log.read(shard, after, limit, only) if limit > 0 else []

    def read_aggregate(self, shard: int, aggregate_id: str, after_version: int, limit: int) -> Sequence[RecordedEvent]:
        bound = self._bounds().get(shard, 0)
        events = self._event_log.read_aggregate(shard, aggregate_id, after_version, limit)
        return [event for event in events if event.position <= bound]

    def occurred(self, places: Collection[Position]) -> dict[Position, datetime]:
        return self._event_log.occurred(places)

    def ids(self, places: Collection[Position]) -> dict[Position, str]:
        return self._event_log.ids(places)

    def head(self, shard: int) -> int:
        return min(self._event_log.head(shard), self._bounds().get(shard, 0))

    def heads(self) -> dict[int, int]:
        heads, bounds = self._event_log.heads(), self._bounds()
        return {shard: bound for shard, head in heads.items() if (bound := min(head, bounds.get(shard, 0)))}
