"""From decided events to events that can be appended."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from domain.model.aggregate import Aggregate
from domain.model.event import Event
from domain.write.event_store import NewEvent


def advance(aggregate: Aggregate, events: Sequence[Event]) -> list[NewEvent]:
    """Apply *events* to *aggregate*, and return them as they are to be appended."""
    new_events = []
    for event in events:
        claims = aggregate.claims(event)
        aggregate.apply(event)
        new_events.append(
            NewEvent(str(uuid4()), aggregate.aggregate_type, aggregate.id, aggregate.version, event, claims)
        )
    return new_events
