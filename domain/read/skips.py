"""What was left out on somebody's word, for those who come later."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.model.errors import Invalid
from domain.model.fields import UUID_PATTERN
from domain.model.position import Position
from domain.postgres.pool import Pool
from domain.postgres.statements import statements
from domain.read.cursor import microseconds, moment, opaque, plain

_LIST = statements("domain.read.sql")["list_skips"]

#: What is written in a cursor: when the event was skipped, in microseconds, and which one it was.
_PLACE = re.compile(rf"s/(\d{{1,17}})/({UUID_PATTERN})/(\w{{1,60}})/({UUID_PATTERN})/(\d{{1,9}})", re.ASCII)


class Skip(NamedTuple):
    """An event that a projection leaves out for good: who said so, when and why, and how it had failed."""

    projection: str
    tenant_id: str
    aggregate_id: str
    version: int
    position: Position
    event_type: str
    reason: str
    skipped_by: str
    skipped_at: datetime
    error_class: str
    error_text: str


class SkipPage(NamedTuple):
    """A part of the list, and the cursor to go on with, None at its end."""

    skips: Sequence[Skip]
    next_cursor: str | None


class Skips:
    """The skipped events of read_schema. The sessions of *pool* see all tenants."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def page(
        self,
        *,
        projection: str | None = None,
        error_class: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> SkipPage:
        """Return those that fit, newest first. Raises Invalid for a cursor that isn't one of this list."""
        beyond = dict.fromkeys(("at", "tenant", "of", "aggregate", "version")) if cursor is None else _beyond(cursor)
        with self._pool.cursor() as database:
            database.execute(
                _LIST, {"projection": projection, "error_class": error_class, "limit": limit + 1, **beyond}
            )
            rows = database.fetchall()
        skips = [_skip(row) for row in rows[:limit]]
        return SkipPage(skips, _place(skips[-1]) if len(rows) > limit else None)


def _skip(row: Sequence[Any]) -> Skip:
    projection, tenant_id, aggregate_id, version, shard, offset, *columns = row
    return Skip(projection, tenant_id, aggregate_id, version, Position(shard, offset), *columns)


def _place(skip: Skip) -> str:
    return opaque("s", microseconds(skip.skipped_at), skip.tenant_id, skip.projection, skip.aggregate_id, skip.version)


def _beyond(cursor: str) -> dict[str, Any]:
    match = _PLACE.fullmatch(plain(cursor))
    if match is None:
        raise Invalid(field="cursor", reason="it is not a cursor of this list")
    at, tenant, projection, aggregate, version = match.groups()
    return {
        "at": moment(int(at)),
        "tenant": tenant,
        "of": projection,
        "aggregate": aggregate,
        "version": int(version),
    }
