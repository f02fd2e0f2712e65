"""Folding events into rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.model.event import EVENT_TYPES, RecordedEvent
from domain.model.upcasting import upcast
from domain.read.projection import Projection
from domain.read.rows import RowMissing, Rows, RowStore


class UnknownEvent(LookupError):
    """A projection neither handles nor ignores this type of event."""


class EventMissing(LookupError):
    """The event's version doesn't follow the version of its aggregate's row."""


def by_aggregate(projection: Projection, events: Iterable[RecordedEvent]) -> dict[str, list[RecordedEvent]]:
    """Return the events that concern *projection*, in their present shape, by aggregate, each aggregate's in order."""
    groups: dict[str, list[RecordedEvent]] = {}
    for event in events:
        if event.aggregate_type in projection.owned:
            groups.setdefault(event.aggregate_id, []).append(present(event))
    return groups


def fold(projection: Projection, events: Sequence[RecordedEvent], store: RowStore) -> Rows:
    """Load the rows that *events* touch, fold the events into them, and return them to be written.

    Aggregates are independent of each other: what several of them change in one row (a count) is the same in any
    order. So the events are folded aggregate by aggregate, each in order.
    """
    groups = by_aggregate(projection, events)
    rows = Rows()
    rows.load(store, projection.wanted(event for group in groups.values() for event in group))
    for group in groups.values():
        _fold_aggregate(projection, group, rows)
    return rows


def present(event: RecordedEvent) -> RecordedEvent:
    """Return *event* in the present shape of its type; one of an unknown type as it is."""
    known = EVENT_TYPES.get(event.event_type)
    if known is None or known.schema_version == event.schema_version:
        return event
    version, payload = upcast(event.event_type, event.schema_version, event.payload)
    return event._replace(schema_version=version, payload=payload)


def _fold_aggregate(projection: Projection, events: Sequence[RecordedEvent], rows: Rows) -> None:
    first = events[0]
    table, key = projection.owned[first.aggregate_type], projection.own_key(first)
    complete = first.aggregate_type in projection.complete
    row = rows.get(table, key)
    for event in events:
        if row is not None and event.version <= row["event_version"]:
            continue
        handler = projection.handlers.get(event.event_type)
        if handler is None:
            if event.event_type in projection.ignored:
                continue
            raise UnknownEvent(f"{projection.name} has no function for {event.event_type}")
        version = row["event_version"] if row is not None else 0
        if event.version != version + 1 and (complete or version == 0):
            if version == 0:
                raise RowMissing(f"{table.name} {key}: event {event.version} comes first")
            raise EventMissing(f"{table.name} {key}: event {event.version} follows {version}")
        row = rows.put(table, dict(zip(table.key, key, strict=True))) if row is None else rows.change(table, key)
        handler(row, event, rows)
        row["event_version"] = event.version
