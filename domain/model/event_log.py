"""The log of events as its readers see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from domain.model.event import RecordedEvent
from domain.model.position import Position


class Interest(NamedTuple):
    """What is folded: the events of *aggregate_types* that are not *ignored*, without their metadata."""

    aggregate_types: list[str]
    ignored: list[str]

    def within(self, events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
        """Return those of *events*, and in any case the first and the last."""
        ends = {event.position for event in (*events[:1], *events[-1:])}
        return [event._replace(metadata={}) for event in events if event.position in ends or self._has(event)]

    def _has(self, event: RecordedEvent) -> bool:
        return event.aggregate_type in self.aggregate_types and event.event_type not in self.ignored


class EventLog(Protocol):
    """256 gapless logs. An event that is seen has every earlier one of its shard before it, committed."""

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> Sequence[RecordedEvent]:
        """Return up to *limit* events of *shard* past the offset *after*, in order.

        *only* what is folded where that is asked for, and the first and the last, which say how far the reader is.
        """

    def read_several(self, after: Mapping[int, int], limit: int) -> Mapping[int, Sequence[RecordedEvent]]:
        """Return up to *limit* events past the offset of each shard in *after*; a shard without any is left out."""
        found = {shard: self.read(shard, offset, limit) for shard, offset in after.items()}
        return {shard: events for shard, events in found.items() if events}

    def read_aggregate(self, shard: int, aggregate_id: str, after_version: int, limit: int) -> Sequence[RecordedEvent]:
        """Return up to *limit* events of one aggregate past the version *after_version*, in order."""

    def head(self, shard: int) -> int:
        """Return the offset of the shard's last event; 0 if it has none."""

    def heads(self) -> dict[int, int]:
        """Return the heads of all shards that have events."""

    def occurred(self, places: Collection[Position]) -> dict[Position, datetime]:
        """Return when the events at *places* occurred; a place that has no event is left out."""

    def ids(self, places: Collection[Position]) -> dict[Position, str]:
        """Return the ids of the events at *places*, by which histories are told apart; as occurred()."""
