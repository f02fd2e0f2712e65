"""Folding events into rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from domain.model.event import EVENT_TYPES, RecordedEvent
from domain.model.upcasting import present
from domain.read.projection import Projection
from domain.read.rows import RowMissing, Rows, RowStore
from domain.read.tables import Key, RowTable


class UnknownEvent(LookupError):
    """A projection neither handles nor ignores this type of event."""


class EventMissing(LookupError):
    """The event's version doesn't follow the version of its aggregate's row."""


#: Versions that are left out on record, by the id of their aggregate.
Skipped = Mapping[str, Collection[int]]

_NOTHING_SKIPPED: Skipped = {}


def by_aggregate(projection: Projection, events: Iterable[RecordedEvent]) -> dict[str, list[RecordedEvent]]:
    """Return the events that concern *projection* by aggregate, each aggregate's in order."""
    groups: dict[str, list[RecordedEvent]] = {}
    for event in events:
        if event.aggregate_type in projection.owned:
            groups.setdefault(event.aggregate_id, []).append(event)
    return groups


def fold(
    projection: Projection, events: Iterable[RecordedEvent], store: RowStore, skipped: Skipped = _NOTHING_SKIPPED
) -> Rows:
    """Load the rows that *events* touch, fold the events into them, and return them to be written.

    Aggregates are independent of each other: what several of them change in one row (a count) is the same in any
    order. So the events are folded aggregate by aggregate, each in order. A *skipped* event changes nothing, but counts
    as seen, so that the events after it follow without a gap.
    """
    groups = by_aggregate(projection, events)
    for id, group in groups.items():
        left_out = skipped.get(id, ())
        groups[id] = [event if event.version in left_out else _readable(event) for event in group]
    rows = Rows()
    rows.load(store, _wanted(projection, groups, skipped))
    for id, group in groups.items():
        _fold_aggregate(projection, group, rows, skipped.get(id, ()))
    return rows


def _readable(event: RecordedEvent) -> RecordedEvent:
    # A type that nobody knows is the projection's to refuse, by name.
    return present(event) if event.event_type in EVENT_TYPES else event


def _wanted(
    projection: Projection, groups: Mapping[str, Sequence[RecordedEvent]], skipped: Skipped
) -> dict[RowTable, set[Key]]:
    if not skipped:
        return projection.wanted(event for group in groups.values() for event in group)
    wanted = projection.wanted(
        event for id, group in groups.items() for event in group if event.version not in skipped.get(id, ())
    )
    # What is in a skipped event is not looked at, since that may be what is wrong with it.
    for group in groups.values():
        wanted.setdefault(projection.owned[group[0].aggregate_type], set()).add(projection.own_key(group[0]))
    return wanted


def _fold_aggregate(
    projection: Projection, events: Sequence[RecordedEvent], rows: Rows, skipped: Collection[int]
) -> None:
    first = events[0]
    table, key = projection.owned[first.aggregate_type], projection.own_key(first)
    complete = first.aggregate_type in projection.complete
    row = rows.get(table, key)
    for event in events:
        if row is not None and event.version <= row["event_version"]:
            continue
        if event.version in skipped:
            if row is not None:
                row = rows.change(table, key)
                row["event_version"] = event.version
            continue
        handler = projection.handlers.get(event.event_type)
        if handler is None:
            if event.event_type in projection.ignored:
                continue
            raise UnknownEvent(f"{projection.name} has no function for {event.event_type}")
        version = row["event_version"] if row is not None else 0
        while version + 1 in skipped:
            version += 1
        if event.version != version + 1 and (complete or version == 0):
            if version == 0:
                raise RowMissing(f"{table.name} {key}: event {event.version} comes first")
            raise EventMissing(f"{table.name} {key}: event {event.version} follows {version}")
        row = rows.put(table, dict(zip(table.key, key, strict=True))) if row is None else rows.change(table, key)
        handler(row, event, rows)
        row["event_version"] = event.version
