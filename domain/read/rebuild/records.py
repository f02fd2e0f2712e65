"""What is on record about rebuilds, in the table projection_rebuilds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson

from domain.postgres.pool import Pool
from domain.read.rebuild.errors import RebuildRunning

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

Kind = Literal["rebuild", "way_back"]

#: preparing → loading → indexing → following → cut_over → done, or from any of them but the last two → cancelling →
#: cancelled, or → failed. A rebuild that is not to be cut over ends as compared.
State = Literal[
    "preparing",
    "loading",
    "indexing",
    "following",
    "cut_over",
    "cancelling",
    "done",
    "cancelled",
    "failed",
    "compared",
]

_TABLE = "read_schema.projection_rebuilds"

#: From these on a rebuild can't be cancelled any more.
_SETTLED = ("cut_over", "cancelling")


class Rebuild(NamedTuple):
    """A row of projection_rebuilds."""

    id: int
    projection: str
    kind: Kind
    state: State
    compare: bool
    cut_over: bool
    started_by: str
    started_at: datetime
    loaded_at: datetime | None
    finished_at: datetime | None
    events: int
    comparison: dict[str, Any] | None
    error: str | None


_COLUMNS = ", ".join(Rebuild._fields)


class Rebuilds:
    """The rebuilds on record."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @contextmanager
    def transaction(self) -> Iterator[cursor]:
        """Lend a cursor in a transaction that, unlike those of the engine, lasts once it is committed."""
        with self._pool.transaction() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = on; SET LOCAL statement_timeout = 0")
            yield cursor

    @contextmanager
    def snapshot(self) -> Iterator[cursor]:
        """Lend a cursor in a transaction that reads one moment, however long it takes."""
        with self._pool.transaction() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0")
            yield cursor

    def begin(self, projection: str, *, compare: bool, cut_over: bool, by: str) -> Rebuild:
        """Record a new rebuild. Raises RebuildRunning."""
        with self.transaction() as cursor:
            cursor.execute(
                f"INSERT INTO {_TABLE} (projection, kind, state, compare, cut_over, started_by) "  # noqa: S608
                "VALUES (%s, 'rebuild', 'preparing', %s, %s, %s) "
                f"ON CONFLICT (projection) WHERE finished_at IS NULL DO NOTHING RETURNING {_COLUMNS}",
                (projection, compare, cut_over, by),
            )
            if row := cursor.fetchone():
                return Rebuild._make(row)
        raise RebuildRunning(projection=projection)

    def begin_way_back(self, cursor: cursor, projection: str, by: str) -> None:
        """Record that the way back is taken in this transaction. Raises RebuildRunning."""
        cursor.execute(
            f"INSERT INTO {_TABLE} (projection, kind, state, started_by) VALUES (%s, 'way_back', 'cut_over', %s) "  # noqa: S608
            "ON CONFLICT (projection) WHERE finished_at IS NULL DO NOTHING",
            (projection, by),
        )
        if not cursor.rowcount:
            raise RebuildRunning(projection=projection)

    def running(self, projection: str) -> Rebuild | None:
        """Return the rebuild of *projection* that has not finished."""
        return next(iter(self._select("projection = %s AND finished_at IS NULL", projection)), None)

    def all_running(self) -> list[str]:
        """Return the projections that are being rebuilt."""
        return [each.projection for each in self._select("finished_at IS NULL")]

    def latest(self, projection: str) -> Rebuild | None:
        """Return the rebuild that began last."""
        found = self._select("projection = %s ORDER BY id DESC LIMIT 1", projection)
        return found[0] if found else None

    def _select(self, condition: str, *values: Any) -> list[Rebuild]:
        with self._pool.cursor() as cursor:
            cursor.execute(f"SELECT {_COLUMNS} FROM {_TABLE} WHERE {condition}", values)  # noqa: S608
            return [Rebuild._make(row) for row in cursor.fetchall()]

    def alone(self, cursor: cursor, rebuild: Rebuild) -> bool:
        """Whether nobody else takes a step of *rebuild* before the transaction of *cursor* ends."""
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('rebuild'), %s::bigint::integer)", (rebuild.id,))
        row = cursor.fetchone()
        return row is not None and bool(row[0])

    def move(self, cursor: cursor, rebuild: Rebuild, state: State, **columns: Any) -> None:
        """Go on to *state*. Raises Overtaken, so that nothing is committed, where it is not in its state any more."""
        assignments = "".join(f", {column} = %s" for column in columns)
        if state in ("done", "cancelled", "failed", "compared"):
            assignments += ", finished_at = clock_timestamp()"
        if state == "following":
            assignments += ", loaded_at = clock_timestamp()"
        cursor.execute(
            f"UPDATE {_TABLE} SET state = %s{assignments} WHERE id = %s AND state = %s",  # noqa: S608
            (state, *map(_value, columns.values()), rebuild.id, rebuild.state),
        )
        if not cursor.rowcount:
            raise Overtaken

    def count(self, cursor: cursor, rebuild: Rebuild, events: int) -> None:
        """Keep how many events were folded."""
        cursor.execute(f"UPDATE {_TABLE} SET events = %s WHERE id = %s", (events, rebuild.id))  # noqa: S608

    def note(self, rebuild: Rebuild, comparison: dict[str, Any]) -> None:
        """Keep what a comparison found."""
        with self._pool.cursor() as cursor:
            cursor.execute(
                f"UPDATE {_TABLE} SET comparison = %s WHERE id = %s",  # noqa: S608
                (_value(comparison), rebuild.id),
            )

    def cancel(self, projection: str) -> bool:
        """Have the running rebuild end without a cut-over. Return False where there is none that still can."""
        with self.transaction() as cursor:
            cursor.execute(
                f"UPDATE {_TABLE} SET state = 'cancelling' "  # noqa: S608
                "WHERE projection = %s AND finished_at IS NULL AND state <> ALL(%s)",
                (projection, list(_SETTLED)),
            )
            return cursor.rowcount > 0


class Overtaken(Exception):
    """Somebody else, such as one who cancels, has moved the rebuild to another state."""


def _value(value: Any) -> Any:
    return orjson.dumps(value, default=str).decode() if isinstance(value, dict) else value
