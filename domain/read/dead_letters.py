"""What stands still, for those who run the service: to be listed, inspected, retried and skipped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from domain.model.errors import Invalid, NotFound
from domain.model.event import RecordedEvent
from domain.model.event_log import EventLog
from domain.model.fields import UUID_PATTERN
from domain.model.position import Position
from domain.postgres.pool import Pool
from domain.postgres.statements import statements
from domain.read.cursor import microseconds, moment, opaque, plain

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

State = Literal["parked", "dead"]

#: How many of the waiting events are shown.
_SHOWN = 100

#: What is written in an id, and in a cursor: when a letter was parked, in microseconds.
_ID = re.compile(rf"(\w{{1,60}})/({UUID_PATTERN})/({UUID_PATTERN})/(\d{{1,9}})", re.ASCII)
_PLACE = re.compile(rf"(\d{{1,17}})/({UUID_PATTERN})/(\w{{1,60}})/({UUID_PATTERN})", re.ASCII)


def _statements() -> dict[str, str]:
    texts = statements("domain.read.sql")
    fields = {"dead_letter_fields": texts["dead_letter_fields"]}
    names = ("list_dead_letters", "show_dead_letter", "retry_dead_letter", "retry_dead_letters", "record_skip")
    return {name: texts[name].format_map(fields) for name in names}


_SQL = _statements()


class DeadLetterNotFound(NotFound):
    """There is no such dead letter, or not any more: it was released, skipped, or fails at another event now."""


class DeadLetter(NamedTuple):
    """An aggregate that a projection can't go on with. ``parked``: it is tried again at ``next_attempt_at``; ``dead``:
    only if somebody wants it. ``id`` names the aggregate and the event that fails."""

    id: str
    state: State
    projection: str
    tenant_id: str
    aggregate_type: str
    aggregate_id: str
    event_type: str
    version: int
    position: Position
    error_class: str
    error_text: str
    attempts: int
    parked_at: datetime
    last_attempt_at: datetime
    next_attempt_at: datetime | None
    dead_at: datetime | None


class Inspection(NamedTuple):
    """A dead letter with the event that fails, where in the code it failed, and up to 100 of the events that wait
    behind it (``more``: there are others)."""

    letter: DeadLetter
    trace: str
    event: RecordedEvent
    waiting: Sequence[RecordedEvent]
    more: bool


class Page(NamedTuple):
    """A part of the list, and the cursor to go on with, None at its end."""

    letters: Sequence[DeadLetter]
    next_cursor: str | None


class DeadLetters:
    """The parked aggregates of read_schema."""

    def __init__(self, pool: Pool, event_log: EventLog) -> None:
        """The sessions of *pool* need the settings of the engine's."""
        self._pool = pool
        self._event_log = event_log

    def page(
        self,
        *,
        state: State | None = None,
        projection: str | None = None,
        error_class: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Return those that fit, newest first. Raises Invalid for a cursor that isn't one of this list."""
        beyond = dict.fromkeys(("at", "tenant", "of", "aggregate")) if cursor is None else _beyond(cursor)
        with self._pool.cursor() as database:
            database.execute(
                _SQL["list_dead_letters"],
                {
                    "dead": None if state is None else state == "dead",
                    "projection": projection,
                    "error_class": error_class,
                    "limit": limit + 1,
                    **beyond,
                },
            )
            rows = database.fetchall()
        letters = [_letter(row) for row in rows[:limit]]
        return Page(letters, _place(letters[-1]) if len(rows) > limit else None)

    def show(self, id: str) -> Inspection:
        """Raises DeadLetterNotFound."""
        with self._pool.cursor() as database:
            database.execute(_SQL["show_dead_letter"], _key(id))
            row = database.fetchone()
        if row is None:
            raise DeadLetterNotFound
        *columns, trace = row
        letter = _letter(columns)
        events = self._event_log.read_aggregate(
            letter.position.shard, letter.aggregate_id, letter.version - 1, _SHOWN + 2
        )
        return Inspection(letter, trace, events[0], events[1 : _SHOWN + 1], len(events) > _SHOWN + 1)

    def retry(self, id: str) -> DeadLetter:
        """Let it be tried at once by whoever has the shard next. Raises DeadLetterNotFound."""
        with self._pool.cursor() as database:
            return _one(database, _key(id))

    def retry_class(self, error_class: str, projection: str | None = None) -> list[DeadLetter]:
        """Let all that fail with *error_class* be tried at once."""
        with self._pool.cursor() as database:
            database.execute(_SQL["retry_dead_letters"], {"error_class": error_class, "projection": projection})
            return [_letter(row) for row in database.fetchall()]

    def skip(self, id: str, reason: str, who: str) -> DeadLetter:
        """Leave out the event that fails, on record, and let the aggregate go on with the next one.

        Raises DeadLetterNotFound, also where it fails at another event by now.
        """
        key = _key(id)
        with self._pool.transaction() as database:
            # What the engine commits may be lost in a crash, since it is folded again. This could not be made up for.
            database.execute("SET LOCAL synchronous_commit = on")
            letter = _one(database, key)
            database.execute(_SQL["record_skip"], {**key, "reason": reason, "who": who})
        return letter


def _one(database: Cursor, key: Mapping[str, Any]) -> DeadLetter:
    """Let the one with *key* be tried at once. Raises DeadLetterNotFound."""
    database.execute(_SQL["retry_dead_letter"], key)
    row = database.fetchone()
    if row is None:
        raise DeadLetterNotFound
    return _letter(row)


def _letter(row: Sequence[Any]) -> DeadLetter:
    projection, tenant_id, aggregate_id, shard, position, *columns = row
    aggregate_type, event_type, version, error_class, error_text, attempts, *times = columns
    return DeadLetter(
        id=opaque(projection, tenant_id, aggregate_id, version),
        state="parked" if times[-1] is None else "dead",
        projection=projection,
        tenant_id=tenant_id,
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        event_type=event_type,
        version=version,
        position=Position(shard, position),
        error_class=error_class,
        error_text=error_text,
        attempts=attempts,
        parked_at=times[0],
        last_attempt_at=times[1],
        next_attempt_at=times[2],
        dead_at=times[3],
    )


def _key(id: str) -> dict[str, Any]:
    match = _ID.fullmatch(plain(id))
    if match is None:
        raise DeadLetterNotFound
    return dict(zip(("projection", "tenant", "aggregate", "version"), match.groups(), strict=True))


def _place(letter: DeadLetter) -> str:
    return opaque(microseconds(letter.parked_at), letter.tenant_id, letter.projection, letter.aggregate_id)


def _beyond(cursor: str) -> dict[str, Any]:
    match = _PLACE.fullmatch(plain(cursor))
    if match is None:
        raise Invalid(field="cursor", reason="it is not a cursor of this list")
    at, tenant, projection, aggregate = match.groups()
    return {
        "at": moment(int(at)),
        "tenant": tenant,
        "of": projection,
        "aggregate": aggregate,
    }
