"""The numbers about the projections, the workers and the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.model.event_log import EventLog
from domain.postgres.pool import Pool
from domain.read.watch.health import STANDSTILL, Health, judge
from domain.read.watch.job_log import JobLog
from domain.read.watch.marks import SQL, Mark, read_marks
from domain.read.watch.processes import Processes

#: How many of the slowest shards are named.
_SLOWEST = 5

#: What a projection has of each where the tables have no row for it.
_NONE_PARKED = (0, 0, 0)


class Monitor:
    """Looks at the tables of both schemas. What it says is made of a few small statements, whatever the lag."""

    def __init__(
        self,
        pool: Pool,
        event_log: EventLog,
        strategies: Mapping[str, str],
        batch_interval: float,
    ) -> None:
        """*strategies*: that of each projection; *batch_interval*: seconds between two ticks of those that are batch.

        The sessions of *pool* see all tenants.
        """
        self._pool = pool
        self._event_log = event_log
        self._strategies = strategies
        self._batch_interval = batch_interval
        self._job_log = JobLog(pool)
        self._processes = Processes(pool)

    def marks(self) -> list[Mark]:
        """Return how far each projection is on each shard."""
        return read_marks(self._pool, self._event_log, self._strategies)

    def lags(self) -> dict[str, tuple[int, float]]:
        """Return by how many events, and by how many seconds, each projection is behind."""
        lags = dict.fromkeys(self._strategies, (0, 0.0))
        for mark in self.marks():
            if mark.lag > 0:
                events, seconds = lags[mark.projection]
                lags[mark.projection] = events + mark.lag, max(seconds, _rounded(mark.waiting))
        return lags

    def status(self) -> dict[str, Any]:
        """Return all numbers as JSON values."""
        # Looked at first: whoever dies in between can't be the reason of a standstill that is seen later.
        alive = self._processes.alive()
        marks = self.marks()
        pauses, parked = self._by_projection("pauses"), self._by_projection("parked")
        samples, verified = self._by_projection("samples"), self._by_projection("verifications")
        leader = next((each for each in alive if each.leads), None)
        return {
            "projections": [
                self._projection(
                    name,
                    [mark for mark in marks if mark.projection == name],
                    pauses.get(name),
                    parked.get(name, _NONE_PARKED),
                    samples.get(name),
                    verified.get(name),
                )
                for name in self._strategies
            ],
            "workers": [_process(each) for each in alive if each.kind == "worker"],
            "clock": {
                "leader": None if leader is None else _process(leader),
                "standing_by": sum(each.kind == "clock" and not each.leads for each in alive),
                "jobs": self._job_log.all(),
            },
        }

    def health(self, status: Mapping[str, Any] | None = None, redis: bool = True) -> Health:
        """Judge *status*, or the present one; *redis* says whether Redis can be reached."""
        return judge(status or self.status(), redis=redis)

    def _by_projection(self, statement: str) -> dict[str, tuple[Any, ...]]:
        with self._pool.cursor() as cursor:
            cursor.execute(SQL[statement])
            return {name: values for name, *values in cursor.fetchall()}  # type: ignore[misc]

    def _projection(
        self,
        name: str,
        marks: Sequence[Mark],
        pause: tuple[Any, ...] | None,
        parked: tuple[Any, ...],
        sample: tuple[Any, ...] | None,
        verified: tuple[Any, ...] | None,
    ) -> dict[str, Any]:
        behind = [mark for mark in marks if mark.lag > 0]
        ahead = sum(mark.lag < 0 for mark in marks)
        applied = sum(mark.position for mark in marks)
        waiting, dead, attempts = parked
        # One that is folded at a tick may wait for it, and for the next one where it was missed.
        allowance = 2 * self._batch_interval if self._strategies[name] == "batch" else 0.0
        return {
            "projection": name,
            "state": "diverged" if ahead else "paused" if pause else "catching_up" if behind else "current",
            "strategy": self._strategies[name],
            "applied": applied,
            "lag": sum(mark.lag for mark in behind),
            "lag_seconds": _rounded(max((mark.waiting for mark in behind), default=0.0)),
            "events_per_second": _rate(applied, sample),
            "errors": attempts,
            "retries": attempts - waiting - dead,
            "parked": waiting,
            "dead": dead,
            "shards_behind": len(behind),
            "shards_still": sum(mark.still > STANDSTILL + allowance for mark in behind),
            "shards_diverged": ahead,
            "allowance_seconds": allowance,
            "slowest_shards": [_shard(each) for each in sorted(behind, key=_slowest_first)[:_SLOWEST]],
            "paused": None if pause is None else _pause(*pause),
            "last_verification": None if verified is None else _verification(*verified),
        }


def _slowest_first(mark: Mark) -> tuple[float, float, int]:
    return (-mark.still, -mark.waiting, -mark.lag)


def _shard(mark: Mark) -> dict[str, Any]:
    return {
        "shard": mark.shard,
        "lag": mark.lag,
        "lag_seconds": _rounded(mark.waiting),
        "still_seconds": _rounded(mark.still),
    }


def _rate(applied: int, sample: tuple[Any, ...] | None) -> float | None:
    if sample is None or sample[1] <= 0:
        return None
    return _rounded(max(0.0, (applied - sample[0]) / sample[1]))


def _pause(reason: str, by: str, error: str | None, seconds: float) -> dict[str, Any]:
    return {"reason": reason, "by": by, "error": error, "seconds": _rounded(seconds)}


def _verification(ago: float, aggregates: int, drifted: int, ever: int) -> dict[str, Any]:
    return {"seconds_ago": _rounded(ago), "aggregates": aggregates, "drifted": drifted, "drifted_ever": ever}


def _process(process: Any) -> dict[str, Any]:
    return {"host": process.host, "pid": process.pid, "up_seconds": _rounded(process.up_seconds)}


def _rounded(seconds: float) -> float:
    return round(seconds, 3)
