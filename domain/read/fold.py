"""Folding events into rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from domain.model.event import EVENT_TYPES, RecordedEvent
from domain.model.upcasting import present
from domain.read.projection import Handler, Projection, Skipped
from domain.read.rows import RowMissing, Rows, RowStore
from domain.read.tables import Row


class UnknownEvent(LookupError):
    """A projection neither handles nor ignores this type of event."""


class EventMissing(LookupError):
    """The event's version doesn't follow the version of its aggregate's row."""


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
    """Load the rows that *events* touch, fold the events into them, and return them to be written."""
    rows = Rows()
    fold_into(rows, projection, events, store, skipped)
    return rows


def fold_into(
    rows: Rows,
    projection: Projection,
    events: Iterable[RecordedEvent],
    store: RowStore,
    skipped: Skipped = _NOTHING_SKIPPED,
) -> None:
    """Load what *events* touch beside the *rows* that are there, and fold the events into them.

    Aggregates are independent of each other: what several of them change in one row (a count) is the same in any
    order. So the events are folded aggregate by aggregate, each in order. A *skipped* event changes nothing, but counts
    as seen, so that the events after it follow without a gap.
    """
    groups = by_aggregate(projection, events)
    for id, group in groups.items():
        left_out = skipped.get(id, ())
        groups[id] = [event if event.version in left_out else _readable(event) for event in group]
    rows.load(store, projection.wanted(groups.values(), skipped))
    for id, group in groups.items():
        _fold_aggregate(projection, group, rows, skipped.get(id, ()))


def _readable(event: RecordedEvent) -> RecordedEvent:
    # A type that nobody knows is the projection's to refuse, by name.
    return present(event) if event.event_type in EVENT_TYPES else event


def _fold_aggregate(
    projection: Projection, events: Sequence[RecordedEvent], rows: Rows, skipped: Collection[int]
) -> None:
    first = events[0]
    table, key = projection.owned[first.aggregate_type], projection.own_key(first)
    row = rows.get(table, key)
    seen = row["event_version"] if row is not None else 0
    changing = False
    for event in events:
        version = event.version
        if version <= seen:
            continue
        if version in skipped:
            if row is None:
                continue
            handler: Handler = _nothing
        elif found := projection.handlers.get(event.event_type):
            if version != seen + 1:
                _check_follows(projection, event, seen, skipped)
            handler = found
        elif event.event_type in projection.ignored:
            continue
        else:
            raise UnknownEvent(f"{projection.name} has no function for {event.event_type}")
        if row is None:
            row = rows.put(table, dict(zip(table.key, key, strict=True)))
        elif not changing:
            row = rows.change(table, key)
        changing = True
        handler(row, event, rows)
        row["event_version"] = seen = version


def _nothing(_row: Row, _event: RecordedEvent, _rows: Rows) -> None:
    """What a skipped event changes."""


def _check_follows(projection: Projection, event: RecordedEvent, seen: int, skipped: Collection[int]) -> None:
    """Raise RowMissing or EventMissing where an event that is not *skipped* is missing between *seen* and *event*."""
    while seen + 1 in skipped:
        seen += 1
    if event.version == seen + 1:
        return
    row = f"{projection.owned[event.aggregate_type].name} {projection.own_key(event)}"
    if seen == 0:
        raise RowMissing(f"{row}: event {event.version} comes first")
    if event.aggregate_type in projection.complete:
        raise EventMissing(f"{row}: event {event.version} follows {seen}")
