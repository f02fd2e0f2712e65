"""What became of the clock's jobs, so that one that fails is seen by those who ask for the status."""

from __future__ import annotations

from typing import Any

from domain.postgres.pool import Pool

_BEGUN = """
INSERT INTO read_schema.clock_jobs (job, begun_at) VALUES (%(job)s, clock_timestamp())
ON CONFLICT (job) DO UPDATE SET begun_at = excluded.begun_at
"""

_ENDED = """
UPDATE read_schema.clock_jobs
SET ended_at = clock_timestamp(),
    error = %(error)s,
    succeeded_at = CASE WHEN %(error)s::text IS NULL THEN clock_timestamp() ELSE succeeded_at END,
    failed_in_a_row = CASE WHEN %(error)s::text IS NULL THEN 0 ELSE failed_in_a_row + 1 END
WHERE job = %(job)s
"""

_SHOW = """
SELECT job,
    extract(epoch FROM clock_timestamp() - begun_at)::float AS begun_seconds_ago,
    extract(epoch FROM clock_timestamp() - succeeded_at)::float AS succeeded_seconds_ago,
    ended_at IS NULL OR ended_at < begun_at AS running,
    failed_in_a_row,
    error
FROM read_schema.clock_jobs ORDER BY job
"""


class JobLog:
    """The last run of each job."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def begun(self, job: str) -> None:
        with self._pool.cursor() as cursor:
            cursor.execute(_BEGUN, {"job": job})

    def ended(self, job: str, error: str | None) -> None:
        """Write down that the run is over; *error* says why it failed."""
        with self._pool.cursor() as cursor:
            cursor.execute(_ENDED, {"job": job, "error": error})

    def all(self) -> list[dict[str, Any]]:
        """Return each job that ever ran with its last run, as JSON values."""
        with self._pool.cursor() as cursor:
            cursor.execute(_SHOW)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
