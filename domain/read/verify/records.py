"""What the verifier found the last time, in the table projection_verifications."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import orjson

from domain.postgres.pool import Pool

_TABLE = "read_schema.projection_verifications"


class Verification(NamedTuple):
    """How many aggregates and rows of a projection were looked at, and how many aggregates had drifted; with examples.
    ``complete`` says that it was all of them, ``drifted_ever`` how many were found in all verifications so far, each
    once as long as it is known."""

    projection: str
    complete: bool
    aggregates: int
    rows: int
    drifted: int
    examples: list[dict[str, Any]]
    verified_at: datetime | None = None
    drifted_ever: int = 0

    def as_json(self) -> dict[str, Any]:
        return {**self._asdict(), "verified_at": self.verified_at and self.verified_at.isoformat()}


class NullVerifications:
    """Nothing is kept, for those who verify rows against another log than the live one."""

    def keep(self, found: Verification, new: int) -> Verification:  # noqa: ARG002
        return found

    def last(self, projection: str) -> Verification | None:  # noqa: ARG002
        return None


class Verifications:
    """One row for each projection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def keep(self, found: Verification, new: int) -> Verification:
        """Keep what was *found*, *new* aggregates among it, in place of what was found before; return it with when and
        how many ever."""
        with self._pool.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {_TABLE} AS kept "  # noqa: S608
                "(projection, verified_at, complete, aggregates, rows, drifted, examples, drifted_ever) "
                "VALUES (%(projection)s, clock_timestamp(), %(complete)s, %(aggregates)s, %(rows)s, %(drifted)s, "
                "%(examples)s, %(new)s) ON CONFLICT (projection) DO UPDATE SET "
                "verified_at = excluded.verified_at, complete = excluded.complete, aggregates = excluded.aggregates, "
                "rows = excluded.rows, drifted = excluded.drifted, examples = excluded.examples, "
                "drifted_ever = kept.drifted_ever + excluded.drifted_ever "
                "RETURNING verified_at, drifted_ever",
                {**found._asdict(), "examples": orjson.dumps(found.examples).decode(), "new": new},
            )
            verified_at, drifted_ever = cursor.fetchone() or (None, 0)
        return found._replace(verified_at=verified_at, drifted_ever=drifted_ever)

    def last(self, projection: str) -> Verification | None:
        """Return what is known of *projection*; None where it was never verified."""
        with self._pool.cursor() as cursor:
            cursor.execute(
                f"SELECT {', '.join(Verification._fields)} FROM {_TABLE} WHERE projection = %s",  # noqa: S608
                (projection,),
            )
            row = cursor.fetchone()
        return None if row is None else Verification._make(row)
