"""A restored log, and behind its end what has happened since."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from domain.model.event import RecordedEvent
from domain.model.event_log import EventLog, Interest
from domain.model.position import Position


class SplicedLog(EventLog):
    """EventLog that reads each shard from *backup* as far as that goes, and from there on from *live*.

    If the two are of one history it is the same as *live*, event for event.
    """

    def __init__(self, backup: EventLog, live: EventLog) -> None:
        self._backup = backup
        self._live = live
        self._ends = backup.heads()

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> Sequence[RecordedEvent]:
        end = self._ends.get(shard, 0)
        events = list(self._backup.read(shard, after, limit, only)) if after < end else []
        begin = max(after, end)
        if begin < after + limit:
            events += self._live.read(shard, begin, after + limit - begin, only)
        return events

    def read_aggregate(self, shard: int, aggregate_id: str, after_version: int, limit: int) -> Sequence[RecordedEvent]:
        events = list(self._backup.read_aggregate(shard, aggregate_id, after_version, limit))
        if len(events) < limit:
            last = events[-1].version if events else after_version
            more = self._live.read_aggregate(shard, aggregate_id, last, limit - len(events))
            events += [event for event in more if event.position > self._ends.get(shard, 0)]
        return events

    def occurred(self, places: Collection[Position]) -> dict[Position, datetime]:
        return self._live.occurred(places)

    def ids(self, places: Collection[Position]) -> dict[Position, str]:
        return self._live.ids(places)

    def head(self, shard: int) -> int:
        return self._live.head(shard)

    def heads(self) -> dict[int, int]:
        return self._live.heads()
