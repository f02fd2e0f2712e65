"""What the numbers mean: healthy, degraded or unhealthy, each reason in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

Verdict = Literal["healthy", "degraded", "unhealthy"]

#: A mark that has events before it and has not moved for this many seconds stands still: unhealthy. It is longer than a
#: frozen worker can keep a shard (10 s, the engine's idle_in_transaction_session_timeout) and the clock's next sweep.
STANDSTILL = 20.0

#: The oldest event that a projection has not applied has waited for this many seconds, though it moves: degraded.
LATE = 30.0

#: So many events are not applied yet: degraded. A burst of an import's size is nothing yet.
MANY = 10_000

#: A job of the clock has failed so many times in a row: degraded.
FAILURES = 3

#: A job of the clock has been running for so many seconds: degraded.
LONG_RUN = 300.0


class Reason(NamedTuple):
    """Why it isn't healthy."""

    verdict: Verdict
    words: str


class Health(NamedTuple):
    """The worst verdict of all reasons; the reasons of the worst come first."""

    verdict: Verdict
    reasons: list[str]


def judge(status: Mapping[str, Any], *, redis: bool) -> Health:
    """Judge what Monitor.status() returned; *redis* says whether Redis can be reached. Pure.

    The words are for everybody, so they hold no error's own text, in which there may be a user's data.
    """
    reasons = [
        *_standstill(status, redis),
        *(reason for each in status["projections"] for reason in _projection(each)),
        *_processes(status),
        *_jobs(status["clock"]["jobs"]),
    ]
    reasons.sort(key=lambda reason: reason.verdict != "unhealthy")
    return Health(reasons[0].verdict if reasons else "healthy", [reason.words for reason in reasons])


def _standstill(status: Mapping[str, Any], redis: bool) -> Iterator[Reason]:
    """One reason for each projection with shards that stand still, naming the shard that has stood longest."""
    for projection in status["projections"]:
        # One that is paused stands still with all its shards, and says so itself.
        if projection["state"] == "paused" or not projection["shards_still"]:
            continue
        worst = projection["slowest_shards"][0]
        others = f" ({projection['shards_still'] - 1} others neither)" if projection["shards_still"] > 1 else ""
        yield Reason(
            "unhealthy",
            f"shard {worst['shard']} has not moved for {worst['still_seconds']:.0f} s{others} in "
            f"{projection['projection']}: {_cause(status, redis)}",
        )


def _cause(status: Mapping[str, Any], redis: bool) -> str:
    workers = len(status["workers"])
    if not workers:
        return "no worker is alive"
    if not redis:
        return "Redis can't be reached, and the clock does not make up for it"
    if status["clock"]["leader"] is None:
        return "no clock is alive to make up for lost hints"
    return f"{workers} worker{'s are' if workers > 1 else ' is'} alive but can't fold it, and their logs say why"


def _projection(projection: Mapping[str, Any]) -> Iterator[Reason]:
    name = projection["projection"]
    if projection["shards_diverged"]:
        yield Reason(
            "unhealthy",
            f"{name} is past the log on {projection['shards_diverged']} shards: the event store was restored from an "
            "older backup than the read models",
        )
    if pause := projection["paused"]:
        # One that stopped by itself needs somebody; one that was stopped by somebody has somebody.
        verdict: Verdict = "unhealthy" if pause["error"] else "degraded"
        why = f", because of {pause['error']}" if pause["error"] else ""
        yield Reason(verdict, f"{name} has been paused for {pause['seconds']:.0f} s by {pause['by']}{why}")
    elif projection["lag_seconds"] > LATE + projection["allowance_seconds"]:
        yield Reason("degraded", f"{name} shows what was {projection['lag_seconds']:.0f} s ago")
    elif projection["lag"] > MANY:
        yield Reason("degraded", f"{name} is {projection['lag']:,} events behind")
    if projection["dead"]:
        yield Reason("degraded", f"{name} has {projection['dead']:,} dead letters")
    if projection["parked"]:
        yield Reason("degraded", f"{name} has parked {projection['parked']:,} aggregates")
    verified = projection["last_verification"]
    if verified and verified["drifted"]:
        yield Reason("degraded", f"{name} differs from its events in {verified['drifted']:,} aggregates")


def _processes(status: Mapping[str, Any]) -> Iterator[Reason]:
    if not status["workers"]:
        yield Reason("degraded", "no worker is alive")
    if status["clock"]["leader"] is None:
        yield Reason("degraded", "no clock is alive")


def _jobs(jobs: list[Mapping[str, Any]]) -> Iterator[Reason]:
    for job in jobs:
        if job["failed_in_a_row"] >= FAILURES:
            yield Reason(
                "degraded",
                f"the clock's job {job['job']} has failed {job['failed_in_a_row']} times in a row",
            )
        elif job["running"] and job["begun_seconds_ago"] > LONG_RUN:
            yield Reason("degraded", f"the clock's job {job['job']} runs since {job['begun_seconds_ago']:.0f} s")
