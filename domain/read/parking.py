"""Aggregates that a projection can't go on with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from domain.model.event import RecordedEvent
from domain.read.failure import Failure, Policy
from domain.read.row_store import Statement

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


class Parked(NamedTuple):
    """A parked aggregate: its events from ``version`` on wait in the log."""

    projection: str
    tenant_id: str
    aggregate_id: str
    version: int
    attempts: int

    def attempt(self, event: RecordedEvent) -> int:
        """Return the number of the attempt that failed at *event*: each event has attempts of its own."""
        return self.attempts + 1 if event.version == self.version else 1


class ParkedAggregates:
    """The table parked_aggregates of *schema*. Whoever adds or removes rows holds the lock on the checkpoint."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._table = f"{schema}.parked_aggregates"

    def ids(self, cursor: cursor, shard: int, projections: Collection[str]) -> tuple[dict[str, set[str]], bool]:
        """Return the ids of what is parked on *shard* by projection, and whether any of it is due."""
        cursor.execute(
            f"SELECT projection, aggregate_id, next_attempt_at <= clock_timestamp() FROM {self._table} "  # noqa: S608
            "WHERE shard = %s AND projection = ANY(%s)",
            (shard, list(projections)),
        )
        ids: dict[str, set[str]] = {}
        any_due = False
        for projection, aggregate_id, due in cursor.fetchall():
            ids.setdefault(projection, set()).add(aggregate_id)
            any_due = any_due or bool(due)
        return ids, any_due

    def due(self, cursor: cursor, shard: int, projections: Collection[str], limit: int) -> list[Parked]:
        """Lock and return up to *limit* aggregates that are to be tried now, those that have waited longest first.

        One that somebody is just deciding about is left out.
        """
        cursor.execute(
            f"SELECT {', '.join(Parked._fields)} FROM {self._table} "  # noqa: S608
            "WHERE shard = %s AND projection = ANY(%s) AND next_attempt_at <= clock_timestamp() "
            "ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED",
            (shard, list(projections), limit),
        )
        return [Parked._make(row) for row in cursor.fetchall()]

    def alike(self, cursor: cursor, projection: str, seconds: float) -> dict[str, int]:
        """Return how many aggregates of *projection* were parked in the last *seconds*, by the class of the error."""
        cursor.execute(
            f"SELECT error_class, count(*) FROM {self._table} "  # noqa: S608
            "WHERE projection = %s AND parked_at > clock_timestamp() - make_interval(secs => %s) GROUP BY error_class",
            (projection, seconds),
        )
        return dict(cursor.fetchall())

    def due_shards(self, cursor: cursor, projections: Collection[str]) -> list[int]:
        """Return the shards with aggregates that are to be tried now, in projections that are not paused."""
        cursor.execute(
            f"SELECT DISTINCT shard FROM {self._table} WHERE projection = ANY(%s) "  # noqa: S608
            "AND next_attempt_at <= clock_timestamp() AND NOT EXISTS (SELECT FROM "
            f"{self._schema}.projections WHERE name = projection AND state = 'paused')",
            (list(projections),),
        )
        return [shard for (shard,) in cursor.fetchall()]

    def park(self, shard: int, projection: str, failures: Sequence[Failure], policy: Policy) -> list[Statement]:
        """Return what parks the aggregates of *failures*, each from the event that failed on."""
        insert = (
            f"INSERT INTO {self._table} (tenant_id, projection, aggregate_id, shard, from_position, version, "  # noqa: S608
            "aggregate_type, event_type, error_class, error_text, error_trace, attempts, parked_at, last_attempt_at, "
            "next_attempt_at, dead_at) SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, now, now, "
            "CASE WHEN dead THEN NULL ELSE now + make_interval(secs => pause) END, CASE WHEN dead THEN now END "
            "FROM (SELECT clock_timestamp() AS now, %s AS dead, %s::float AS pause) AS attempt"
        )
        statements: list[Statement] = []
        for failed in failures:
            event = failed.event
            values = (event.tenant_id, projection, event.aggregate_id, shard, event.position, event.version)
            types = (event.aggregate_type, event.event_type)
            statements.append((insert, (*values, *types, *failed[1:], policy.max_attempts <= 1, policy.pause(1))))
        return [*statements, self._count(shard, projection, len(failures))]

    def postpone(self, parked: Parked, failed: Failure, policy: Policy) -> list[Statement]:
        """Return what puts off *parked*, whose release *failed*."""
        event = failed.event
        attempts = parked.attempt(event)
        return [
            (
                f"UPDATE {self._table} SET from_position = %s, version = %s, event_type = %s, error_class = %s, "  # noqa: S608
                "error_text = %s, error_trace = %s, attempts = %s, last_attempt_at = now, "
                "next_attempt_at = CASE WHEN dead THEN NULL ELSE now + make_interval(secs => pause) END, "
                "dead_at = CASE WHEN dead THEN now END "
                "FROM (SELECT clock_timestamp() AS now, %s AS dead, %s::float AS pause) AS attempt "
                f"WHERE {_KEY}",
                (
                    *(event.position, event.version, event.event_type, *failed[1:], attempts),
                    *(attempts >= policy.max_attempts, policy.pause(attempts)),
                    *_key(parked),
                ),
            )
        ]

    def go_on(self, parked: Parked, following: RecordedEvent) -> list[Statement]:
        """Return what lets *parked* wait from *following* on, to be released further in the next transaction."""
        return [
            (
                f"UPDATE {self._table} SET from_position = %s, version = %s, event_type = %s, attempts = 0, "  # noqa: S608
                f"next_attempt_at = clock_timestamp() WHERE {_KEY}",
                (following.position, following.version, following.event_type, *_key(parked)),
            )
        ]

    def unpark(self, shard: int, parked: Parked) -> list[Statement]:
        """Return what takes *parked* off the list."""
        delete = (f"DELETE FROM {self._table} WHERE {_KEY}", _key(parked))  # noqa: S608
        return [delete, self._count(shard, parked.projection, -1)]

    def _count(self, shard: int, projection: str, change: int) -> Statement:
        return (
            f"UPDATE {self._schema}.projection_checkpoints SET parked = parked + %s "  # noqa: S608
            "WHERE shard = %s AND projection = %s",
            (change, shard, projection),
        )


class SkippedEvents:
    """The table skipped_events of *schema*: what was left out on somebody's word."""

    def __init__(self, schema: str) -> None:
        self._table = f"{schema}.skipped_events"

    def of(
        self, cursor: cursor, shard: int, projection: str, aggregate_ids: Iterable[str]
    ) -> Mapping[str, Collection[int]]:
        """Return the skipped versions of the aggregates, for fold()."""
        cursor.execute(
            f"SELECT aggregate_id, array_agg(version) FROM {self._table} "  # noqa: S608
            "WHERE shard = %s AND projection = %s AND aggregate_id = ANY(%s::uuid[]) GROUP BY aggregate_id",
            (shard, projection, list(aggregate_ids)),
        )
        return {aggregate_id: frozenset(versions) for aggregate_id, versions in cursor.fetchall()}


_KEY = "tenant_id = %s AND projection = %s AND aggregate_id = %s"


def _key(parked: Parked) -> tuple[str, str, str]:
    return parked.tenant_id, parked.projection, parked.aggregate_id
