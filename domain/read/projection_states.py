"""Whether each projection is running or paused, and why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from domain.read.failure import Failure, Policy
from domain.read.row_store import Statement

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

#: Who pauses and resumes where nobody did.
ENGINE = "engine"


class ProjectionState(NamedTuple):
    """The state of a projection: ``state`` is running or paused. ``error_class``, ``error_text``, ``trials`` and
    ``next_trial_at`` tell of a pause of the engine's own."""

    name: str
    state: str = "running"
    reason: str | None = None
    changed_by: str | None = None
    since: datetime | None = None
    error_class: str | None = None
    error_text: str | None = None
    trials: int = 0
    next_trial_at: datetime | None = None


class ProjectionStates:
    """The table projections of *schema*."""

    def __init__(self, schema: str) -> None:
        self._table = f"{schema}.projections"

    def all(self, cursor: cursor, projections: Collection[str]) -> dict[str, ProjectionState]:
        """Return the state of each of *projections*."""
        cursor.execute(
            f"SELECT {', '.join(ProjectionState._fields)} FROM {self._table} WHERE name = ANY(%s)",  # noqa: S608
            (list(projections),),
        )
        found = {row[0]: ProjectionState._make(row) for row in cursor.fetchall()}
        return {name: found.get(name, ProjectionState(name)) for name in projections}

    def paused(self, cursor: cursor, projections: Collection[str]) -> list[str]:
        """Return those of *projections* that are paused, in alphabetical order."""
        return sorted(name for name, state in self.all(cursor, projections).items() if state.state == "paused")

    def lenient(self, cursor: cursor, projection: str) -> bool:
        """Whether somebody has asked to park what fails, however many it is."""
        cursor.execute(
            f"SELECT parks_until > clock_timestamp() FROM {self._table} WHERE name = %s",  # noqa: S608
            (projection,),
        )
        row = cursor.fetchone()
        return bool(row and row[0])

    def due_trials(self, cursor: cursor, projections: Collection[str]) -> list[int]:
        """Return the shards on which a paused projection is to be tried now."""
        cursor.execute(
            f"SELECT DISTINCT trial_shard FROM {self._table} "  # noqa: S608
            "WHERE name = ANY(%s) AND state = 'paused' AND next_trial_at <= clock_timestamp()",
            (list(projections),),
        )
        return [shard for (shard,) in cursor.fetchall()]

    def pause(self, name: str, reason: str, by: str) -> Statement:
        """Return what pauses a projection until somebody resumes it."""
        return self._set(name, "paused", reason, by)

    def resume(self, name: str, reason: str, by: str, parks_for: float = 0.0) -> Statement:
        """Return what resumes a projection, and lets it park any number of aggregates for so many seconds."""
        return self._set(name, "running", reason, by, parks_for)

    def _set(self, name: str, state: str, reason: str, by: str, parks_for: float = 0.0) -> Statement:
        return (
            f"INSERT INTO {self._table} (name, state, reason, changed_by, since, parks_until) "  # noqa: S608
            "VALUES (%s, %s, %s, %s, clock_timestamp(), clock_timestamp() + make_interval(secs => %s)) "
            "ON CONFLICT (name) DO UPDATE SET state = excluded.state, reason = excluded.reason, "
            "changed_by = excluded.changed_by, since = excluded.since, parks_until = excluded.parks_until, "
            "error_class = NULL, error_text = NULL, trials = 0, next_trial_at = NULL, trial_shard = NULL",
            (name, state, reason, by, parks_for),
        )

    def pause_alike(self, name: str, shard: int, failures: int, last: Failure, policy: Policy) -> Statement:
        """Return what pauses a projection in which many aggregates failed alike, until a trial on *shard* passes.

        A pause that another worker has begun stays as it is.
        """
        reason = f"{failures} aggregates failed alike: {last.error_class}"
        return (
            f"INSERT INTO {self._table} AS p (name, state, reason, changed_by, since, error_class, error_text, "  # noqa: S608
            "trials, next_trial_at, trial_shard) VALUES (%s, 'paused', %s, %s, clock_timestamp(), %s, %s, 0, "
            "clock_timestamp() + make_interval(secs => %s), %s) "
            "ON CONFLICT (name) DO UPDATE SET state = excluded.state, reason = excluded.reason, "
            "changed_by = excluded.changed_by, since = excluded.since, error_class = excluded.error_class, "
            "error_text = excluded.error_text, trials = 0, next_trial_at = excluded.next_trial_at, "
            "trial_shard = excluded.trial_shard WHERE p.state = 'running'",
            (name, reason, ENGINE, last.error_class, last.error_text, policy.pause(1), shard),
        )

    def trial_passed(self, name: str) -> Statement:
        """Return what resumes a projection by itself, unless somebody has paused it meanwhile."""
        return (
            f"UPDATE {self._table} SET state = 'running', reason = 'a trial batch passed', changed_by = %s, "  # noqa: S608
            "since = clock_timestamp(), error_class = NULL, error_text = NULL, trials = 0, next_trial_at = NULL, "
            "trial_shard = NULL WHERE name = %s AND next_trial_at IS NOT NULL",
            (ENGINE, name),
        )

    def trial_failed(self, name: str, trials: int, policy: Policy) -> Statement:
        """Return what puts off the next trial; *trials* have failed before this one."""
        return (
            f"UPDATE {self._table} SET trials = trials + 1, "  # noqa: S608
            "next_trial_at = clock_timestamp() + make_interval(secs => %s) "
            "WHERE name = %s AND next_trial_at IS NOT NULL",
            (policy.pause(trials + 2), name),
        )
