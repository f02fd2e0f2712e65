"""How a projection is declared: the rows it keeps, and one function for each type of event that changes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Table

from domain.model.event import RecordedEvent
from domain.read.rows import Rows
from domain.read.tables import Key, Row, RowTable

#: Changes the aggregate's own row, and others through the rows. Pure: no clock, no ids, no I/O; and nothing of the
#: event's metadata, which a rebuild doesn't read.
Handler = Callable[[Row, RecordedEvent, Rows], None]

#: Names a row, or by a shorter key all rows that begin with it, that an event touches besides its aggregate's own.
KeyFunction = Callable[[RecordedEvent], Key]

#: Versions that are left out on record, by the id of their aggregate.
Skipped = Mapping[str, Collection[int]]

_NOTHING_ELSE: Mapping[RowTable, KeyFunction] = {}


class Totals(NamedTuple):
    """What a tenant's row in *table* is made of beside its own events, so that it can be verified without all of them.

    Each column in *sums* is the sum of a column of the tenant's rows in *shares*; each of *latest* is the time of the
    latest event that touches the row.
    """

    table: RowTable
    shares: RowTable
    sums: Mapping[str, str]
    latest: Sequence[str]


class Projection:
    """A pure fold over rows.

    Each aggregate it follows has one row of its own in a table that the projection ``owns``. That row keeps the
    ``event_version``, so an event that comes again changes nothing.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        #: The table with the aggregates' own rows, by aggregate type.
        self.owned: dict[str, RowTable] = {}
        #: All tables, to be made, compared and swapped in a rebuild.
        self.tables: list[RowTable] = []
        self.handlers: dict[str, Handler] = {}
        self.touched: dict[str, Mapping[RowTable, KeyFunction]] = {}
        self.ignored: frozenset[str] = frozenset()
        #: The aggregate types of which every event is handled, so that versions must come without a gap.
        self.complete: frozenset[str] = frozenset()
        #: Of a projection in which aggregates add to a row of their tenant.
        self.totals: Totals | None = None

    def __repr__(self) -> str:
        return f"Projection({self.name})"

    def owns(self, table: Table, *aggregate_types: str) -> RowTable:
        """Keep one row of *table* for each aggregate of the types, by (tenant_id, aggregate_id) or tenant_id."""
        owned = self.keeps(table)
        self.owned.update(dict.fromkeys(aggregate_types, owned))
        self._settle()
        return owned

    def keeps(self, table: Table) -> RowTable:
        """Keep further rows in *table*."""
        kept = RowTable(table)
        self.tables.append(kept)
        return kept

    def on(
        self, event_type: str, touches: Mapping[RowTable, KeyFunction] = _NOTHING_ELSE
    ) -> Callable[[Handler], Handler]:
        """Declare the function for *event_type* and the rows it *touches* besides the aggregate's own."""

        def declare(handler: Handler) -> Handler:
            if event_type in self.handlers:
                raise ValueError(f"{self.name} handles {event_type} twice")
            self.handlers[event_type] = handler
            self.touched[event_type] = touches
            return handler

        return declare

    def ignore(self, *event_types: str) -> None:
        """Say that these change nothing. A type that is neither handled nor ignored stops its aggregate."""
        self.ignored |= frozenset(event_types)
        self._settle()

    def own_key(self, event: RecordedEvent) -> Key:
        """Return the key of the own row of the event's aggregate."""
        return (event.tenant_id, event.aggregate_id)[: len(self.owned[event.aggregate_type].key)]

    def wanted(self, aggregates: Iterable[Sequence[RecordedEvent]], skipped: Skipped) -> dict[RowTable, set[Key]]:
        """Return the keys of all rows that the events of each of *aggregates* touch.

        What is in a *skipped* event is not looked at, since that may be what is wrong with it.
        """
        wanted: dict[RowTable, set[Key]] = {}
        for events in aggregates:
            first = events[0]
            wanted.setdefault(self.owned[first.aggregate_type], set()).add(self.own_key(first))
            left_out = skipped.get(first.aggregate_id, ())
            for event in events:
                touches = self.touched.get(event.event_type)
                if touches and event.version not in left_out:
                    for table, key_of in touches.items():
                        wanted.setdefault(table, set()).add(key_of(event))
        return wanted

    def _settle(self) -> None:
        partly = {event_type.partition(".")[0] for event_type in self.ignored}
        self.complete = frozenset(self.owned) - partly
