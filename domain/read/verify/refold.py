"""What the rows should be: the events of an aggregate, of a tenant or of a whole shard, folded again in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from domain.model.event import RecordedEvent
from domain.model.event_log import EventLog
from domain.read.fold import fold
from domain.read.memory_rows import MemoryRowStore
from domain.read.projection import Projection
from domain.read.rows import RowStore
from domain.read.tables import Key, Row, RowTable

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

#: Events read and folded at once.
_CHUNK = 1000

#: (tenant_id, aggregate_id), or (tenant_id,) where the rows of a tenant's aggregates depend on each other. The keys of
#: all rows that belong to a unit begin with it.
Unit = tuple[str, ...]

Tables = Mapping[RowTable, dict[Key, Row]]


class Stand(NamedTuple):
    """How far a projection is on a shard, and what stands still there: the first version of each parked aggregate that
    is not in its rows, and the versions that are skipped on record."""

    position: int
    parked: dict[str, int]
    skipped: dict[str, frozenset[int]]


def stand(cursor: cursor, schema: str, projection: str, shard: int, *, lock: bool = False) -> Stand:
    """Return how *projection* stands on *shard*; with *lock* it stands so until the transaction ends."""
    where = {"shard": shard, "projection": projection}
    cursor.execute(
        f"SELECT position FROM {schema}.projection_checkpoints "  # noqa: S608
        f"WHERE shard = %(shard)s AND projection = %(projection)s {'FOR UPDATE' if lock else ''}",
        where,
    )
    row = cursor.fetchone()
    cursor.execute(
        f"SELECT aggregate_id, version FROM {schema}.parked_aggregates "  # noqa: S608
        "WHERE shard = %(shard)s AND projection = %(projection)s",
        where,
    )
    parked = dict(cursor.fetchall())
    cursor.execute(
        f"SELECT aggregate_id, array_agg(version) FROM {schema}.skipped_events "  # noqa: S608
        "WHERE shard = %(shard)s AND projection = %(projection)s GROUP BY aggregate_id",
        where,
    )
    return Stand(row[0] if row else 0, parked, {id: frozenset(versions) for id, versions in cursor.fetchall()})


def rows_of(store: RowStore, projection: Projection, units: Iterable[Unit]) -> Tables:
    """Return the rows of *units* as they are."""
    keys = set(units)
    return {table: {table.key_of(row): row for row in store.load(table, keys)} for table in projection.tables}


def shared(projection: Projection) -> set[RowTable]:
    """Return the tables in which an aggregate's own row depends on other aggregates too."""
    touched = {table for touches in projection.touched.values() for table in touches}
    return touched & set(projection.owned.values())


def stands_alone(projection: Projection) -> bool:
    """Whether the rows of an aggregate depend on no other aggregate, and begin with its id."""
    return not shared(projection) and all(len(table.key) > 1 for table in projection.tables)


def unit_of_row(key: Key) -> Unit:
    """Return (tenant_id, aggregate_id) of the row with that *key*. A row for the whole tenant is the tenant's own."""
    return key[:2] if len(key) > 1 else key * 2


def unit_of(projection: Projection, tenant_id: str, aggregate_id: str) -> Unit:
    """Return what has to be folded to know the rows of an aggregate."""
    return (tenant_id, aggregate_id) if stands_alone(projection) else (tenant_id,)


class Refold:
    """Folds the events of a shard, or those of one *unit*, in memory, up to any later position."""

    def __init__(self, event_log: EventLog, projection: Projection, shard: int, unit: Unit | None = None) -> None:
        self._event_log = event_log
        self._projection = projection
        self._shard = shard
        self._unit = unit
        self._store = MemoryRowStore()
        self._after = 0
        #: The aggregates whose events were seen.
        self.aggregates: set[Unit] = set()

    def up_to(self, stand: Stand) -> None:
        """Fold the events past those folded before up to *stand*, leaving out what is parked or skipped there."""
        events = (
            event
            for event in self._events(stand.position)
            if event.version < stand.parked.get(event.aggregate_id, event.version + 1)
        )
        while chunk := list(islice(events, _CHUNK)):
            self._store.write(fold(self._projection, chunk, self._store, stand.skipped))
            self.aggregates.update((event.tenant_id, event.aggregate_id) for event in chunk)
        self._after = max(self._after, stand.position)

    def tables(self) -> Tables:
        """Return the rows."""
        return {table: self._store.tables.get(table.name, {}) for table in self._projection.tables}

    def _events(self, upto: int) -> Iterator[RecordedEvent]:
        owned = self._projection.owned
        if self._unit is not None and len(self._unit) > 1:
            id = self._unit[1]
            read = _pages(lambda after: self._event_log.read_aggregate(self._shard, id, after, _CHUNK), _version)
        else:
            read = _pages(lambda after: self._event_log.read(self._shard, after, _CHUNK), _position, self._after)
        for event in read:
            if event.position > upto:
                return
            if event.position <= self._after or event.aggregate_type not in owned:
                continue
            if self._unit is None or event.tenant_id == self._unit[0]:
                yield event


def _version(event: RecordedEvent) -> int:
    return event.version


def _position(event: RecordedEvent) -> int:
    return event.position


def _pages(
    read: Callable[[int], Iterable[RecordedEvent]], place: Callable[[RecordedEvent], int], after: int = 0
) -> Iterator[RecordedEvent]:
    """Yield what *read* gives past *after*, page by page."""
    while page := list(read(after)):
        yield from page
        after = place(page[-1])
