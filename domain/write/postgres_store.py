"""The event store on PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import psycopg2

from domain.model.errors import DomainError, Unavailable
from domain.model.event import RecordedEvent
from domain.model.event_log import Interest
from domain.model.position import Position, shard_of
from domain.postgres.pool import Pool
from domain.postgres.prepared import Prepared
from domain.postgres.statements import statements
from domain.write.event_store import WINDOW, Append, History, IdempotencyRecord, Page, Snapshot
from domain.write.refusals import refusal
from domain.write.serialization import COLUMNS, COLUMNS_TO_FOLD, parameters

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

T = TypeVar("T")

#: Row-level security lets a statement touch the one tenant that is named in its transaction. What is sent together is
#: one transaction and one round trip.
_FOR_ONE_TENANT = "SELECT set_config('app.tenant_id', %(tenant_id)s, true);\n"
_FOR_ALL_TENANTS = "SELECT set_config('app.engine', 'on', true);\n"

#: The statements of those who follow or keep the whole log.
_OF_ALL_TENANTS = frozenset(
    {
        "read",
        "read_several",
        "of_interest",
        "read_aggregate",
        "head",
        "heads",
        "occurred",
        "ids",
        "tenant_of",
        "forget_answers",
    }
)

#: Those of each command and each batch, for which it pays that a session plans them once.
_OFTEN = frozenset({"histories", "read", "read_several", "of_interest"})


def _statement(name: str, text: str) -> str | Prepared:
    before = _FOR_ALL_TENANTS if name in _OF_ALL_TENANTS else _FOR_ONE_TENANT
    return Prepared(text, name=f"store_{name}", before=before) if name in _OFTEN else before + text


_SQL = {
    name: _statement(name, text.format(columns=COLUMNS, columns_to_fold=COLUMNS_TO_FOLD))
    for name, text in statements("domain.write.sql").items()
}


class PostgresEventStore:
    """EventStore on the tables of write_schema."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def append(self, append: Append) -> Position:
        try:
            return self._append(append)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            return self._append_again(append)

    def _append(self, append: Append) -> Position:
        shard = shard_of(append.tenant_id)
        try:
            with self._pool.cursor() as cursor:
                _run(cursor, "append", parameters(append))
                row = cursor.fetchone()
        except psycopg2.Error as error:
            if refused := refusal(error):
                raise refused from None
            raise
        assert row is not None  # noqa: S101 - A function call without FROM always gives a row.
        return Position(shard, row[0])

    def _append_again(self, append: Append) -> Position:
        """Find out what became of an append whose connection broke, and do it now if it was not done.

        The first attempt may still be at its commit; the second waits behind its row lock and is then refused, so only
        the log can tell whether the events in it are ours.
        """
        try:
            if position := self._stored_at(append):
                return position
            try:
                return self._append(append)
            except DomainError:
                if position := self._stored_at(append):
                    return position
                raise
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise Unavailable(reason="the event store can't be reached") from error

    def _stored_at(self, append: Append) -> Position | None:
        if not append.events:
            return None
        shard, last = shard_of(append.tenant_id), append.events[-1]
        rows = self._rows(
            "stored_at",
            tenant_id=append.tenant_id,
            shard=shard,
            aggregate_id=last.aggregate_id,
            version=last.version,
            event_id=last.event_id,
        )
        return Position(shard, rows[0][0]) if rows else None

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> list[RecordedEvent]:
        place = {"shard": shard, "after": after, "limit": limit}
        if only is None:
            return [RecordedEvent._make(row) for row in self._query("read", **place)]
        return [RecordedEvent._make((*row, {})) for row in self._query("of_interest", **place, **only._asdict())]

    def read_several(self, after: Mapping[int, int], limit: int) -> dict[int, list[RecordedEvent]]:
        found: dict[int, list[RecordedEvent]] = {}
        if after:
            for row in self._query("read_several", shards=[*after], after=[*after.values()], limit=limit):
                event = RecordedEvent._make(row)
                found.setdefault(event.shard, []).append(event)
        return found

    def read_aggregate(self, shard: int, aggregate_id: str, after_version: int, limit: int) -> list[RecordedEvent]:
        rows = self._query(
            "read_aggregate", shard=shard, aggregate_id=aggregate_id, after_version=after_version, limit=limit
        )
        return [RecordedEvent._make(row) for row in rows]

    def head(self, shard: int) -> int:
        return int(self._query("head", shard=shard)[0][0])

    def heads(self) -> dict[int, int]:
        return dict(self._query("heads"))

    def occurred(self, places: Collection[Position]) -> dict[Position, datetime]:
        if not places:
            return {}
        shards, offsets = zip(*places, strict=True)
        rows = self._query("occurred", shards=list(shards), positions=list(offsets))
        return {Position(shard, position): occurred_at for shard, position, occurred_at in rows}

    def ids(self, places: Collection[Position]) -> dict[Position, str]:
        if not places:
            return {}
        shards, offsets = zip(*places, strict=True)
        rows = self._query("ids", shards=list(shards), positions=list(offsets))
        return {Position(shard, position): event_id for shard, position, event_id in rows}

    def histories(self, tenant_id: str, wanted: Mapping[str, int]) -> dict[str, History]:
        rows = self._query(
            "histories",
            shard=shard_of(tenant_id),
            tenant_id=tenant_id,
            ids=list(wanted),
            snapshot_versions=list(wanted.values()),
        )
        snapshots: dict[str, Snapshot] = {}
        events: defaultdict[str, list[RecordedEvent]] = defaultdict(list)
        for is_snapshot, *columns in rows:
            row = RecordedEvent._make(columns)
            if is_snapshot:
                snapshots[row.aggregate_id] = Snapshot(row.version, row.position, row.schema_version, row.payload)
            else:
                events[row.aggregate_id].append(row)
        return {id: History(snapshots.get(id), events[id]) for id in wanted}

    def save_snapshot(self, tenant_id: str, aggregate_id: str, snapshot: Snapshot) -> None:
        kept = snapshot._asdict() | {"state": orjson.dumps(snapshot.state).decode()}
        self._change("save_snapshot", shard=shard_of(tenant_id), tenant_id=tenant_id, aggregate_id=aggregate_id, **kept)

    def answered(self, tenant_id: str, keys: Sequence[str]) -> dict[str, IdempotencyRecord]:
        rows = self._query("answered", shard=shard_of(tenant_id), tenant_id=tenant_id, keys=list(keys))
        return {key: IdempotencyRecord(key, fingerprint, response) for key, fingerprint, response in rows}

    def forget_answers(self, before: datetime, limit: int) -> int:
        return self._change("forget_answers", before=before, limit=limit)

    def backwards(self, tenant_id: str, before: int | None, limit: int, aggregate_id: str | None = None) -> Page:
        shard = shard_of(tenant_id)
        before = self.head(shard) + 1 if before is None else before
        lowest = 1 if aggregate_id else max(before - WINDOW, 1)
        if aggregate_id:
            values = {"aggregate_id": aggregate_id, "before": before}
            rows = self._query("backwards_aggregate", shard=shard, tenant_id=tenant_id, limit=limit, **values)
        else:
            places = {"lowest": lowest, "before": before}
            rows = self._query("backwards", shard=shard, tenant_id=tenant_id, limit=limit, **places)
        return Page.of([RecordedEvent._make(row) for row in rows], limit, None if lowest == 1 else lowest)

    def tenant_of(self, aggregate_id: str) -> str | None:
        rows = self._query("tenant_of", id=aggregate_id)
        return rows[0][0] if rows else None

    def _query(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        """Run a statement that changes nothing, and return its rows."""
        return _twice(lambda: self._rows(name, **values))

    def _change(self, name: str, **values: Any) -> int:
        """Run a statement that may come twice, and return how many rows it changed."""

        def change() -> int:
            with self._pool.cursor() as cursor:
                _run(cursor, name, values)
                return cursor.rowcount

        return _twice(change)

    def _rows(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        with self._pool.cursor() as cursor:
            _run(cursor, name, values)
            return cursor.fetchall()


def _run(cursor: Cursor, name: str, values: Mapping[str, Any]) -> None:
    statement = _SQL[name]
    if isinstance(statement, Prepared):
        statement.run(cursor, values)
    else:
        cursor.execute(statement, values)


def _twice(action: Callable[[], T]) -> T:
    """Do *action*, once more where the connection turned out to be broken. Raises Unavailable if that is no better."""
    try:
        return action()
    except (psycopg2.OperationalError, psycopg2.InterfaceError):
        try:
            return action()
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise Unavailable(reason="the event store can't be reached") from error
