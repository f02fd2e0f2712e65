"""The log of events as its readers see it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from domain.model.event import RecordedEvent
from domain.model.position import Position


class EventLog(Protocol):
    """256 gapless logs. An event that is seen has every earlier one of its shard before it, committed."""

    def read(self, shard: int, after: int, limit: int) -> Sequence[RecordedEvent]:
        """Return up to *limit* events of *shard* past the offset *after*, in order."""

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
