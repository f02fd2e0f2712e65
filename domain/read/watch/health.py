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
    """Why it isn't healthy, and what whoever is on call can do about it."""

    verdict: Verdict
    words: str
    remedy: str


class Health(NamedTuple):
    """The worst verdict of all reasons; the reasons of the worst come first."""

    verdict: Verdict
    reasons: list[str]


#: What to do where a process is missing.
NO_WORKER = "Start one with the Procfile's line `worker`; the log of the one that ended says why it did."
NO_CLOCK = "Start one with the Procfile's line `clock`; of several one works and the others stand by."


def judge(status: Mapping[str, Any], *, redis: bool) -> Health:
    """Judge what Monitor.status() returned; *redis* says whether Redis can be reached. Pure.

    The words are for everybody, so they hold no error's own text, in which there may be a user's data.
    """
    found = reasons(status, redis=redis)
    return Health(found[0].verdict if found else "healthy", [reason.words for reason in found])


def reasons(status: Mapping[str, Any], *, redis: bool) -> list[Reason]:
    """Return all that judge() goes by, those of the worst verdict first."""
    found = [
        *_standstill(status, redis),
        *(reason for each in status["projections"] for reason in _projection(each)),
        *_processes(status),
        *_jobs(status["clock"]["jobs"]),
    ]
    return sorted(found, key=lambda reason: reason.verdict != "unhealthy")


def _standstill(status: Mapping[str, Any], redis: bool) -> Iterator[Reason]:
    """One reason for each projection with shards that stand still, naming the shard that has stood longest."""
    for projection in status["projections"]:
        # One that is paused stands still with all its shards, and says so itself.
        if projection["state"] == "paused" or not projection["shards_still"]:
            continue
        worst = projection["slowest_shards"][0]
        others = projection["shards_still"] - 1
        nor = f" (nor {'has 1 other' if others == 1 else f'have {others} others'})" if others else ""
        cause, remedy = _cause(status, redis)
        yield Reason(
            "unhealthy",
            f"shard {worst['shard']} has not moved for {worst['still_seconds']:.0f} s{nor} in "
            f"{projection['projection']}: {cause}",
            remedy,
        )


def _cause(status: Mapping[str, Any], redis: bool) -> tuple[str, str]:
    """Why a shard stands still, and what to do."""
    workers = len(status["workers"])
    if not workers:
        return "no worker is alive", NO_WORKER
    if not redis:
        return "Redis can't be reached, and the clock does not make up for it", (
            "Bring Redis back at REDIS_URL, and look at the log of the clock, which should fold meanwhile."
        )
    if status["clock"]["leader"] is None:
        return "no clock is alive to make up for lost hints", NO_CLOCK
    return f"{workers} worker{'s are' if workers > 1 else ' is'} alive but can't fold it, and their logs say why", (
        "Look for the shard in the workers' logs. If nothing is said there, restart the workers: nothing gets lost."
    )


def _projection(projection: Mapping[str, Any]) -> Iterator[Reason]:
    name = projection["projection"]
    if projection["shards_diverged"]:
        yield Reason(
            "unhealthy",
            f"{name} is past the log on {_counted(projection['shards_diverged'], 'shard')}: the event store was "
            "restored from an older backup than the read models",
            "Restore the newer backup. If there is none, make the read models anew from this one: "
            "`flask --app web projections start-over`. web/handbook/restore.md has all the steps.",
        )
    if pause := projection["paused"]:
        # One that stopped by itself needs somebody; one that was stopped by somebody has somebody.
        verdict: Verdict = "unhealthy" if pause["error"] else "degraded"
        why = f", because of {pause['error']}" if pause["error"] else ""
        yield Reason(
            verdict,
            f"{name} has been paused for {pause['seconds']:.0f} s by {pause['by']}{why}",
            "Mend the cause and deploy: it goes on by itself once a trial batch passes. Or resume it so that it parks "
            "what fails."
            if pause["error"]
            else "Resume it as soon as the reason for the pause is gone. Until then it shows nothing newer.",
        )
    elif projection["lag_seconds"] > LATE + projection["allowance_seconds"]:
        yield Reason(
            "degraded",
            f"{name} shows what was {projection['lag_seconds']:.0f} s ago",
            "If its lag does not shrink, start more workers; one slow shard alone is one busy tenant.",
        )
    elif projection["lag"] > MANY:
        yield Reason(
            "degraded",
            f"{name} is {projection['lag']:,} events behind",
            "After an import or a burst wait for it to catch up. If its lag does not shrink, start more workers.",
        )
    if projection["dead"]:
        yield Reason(
            "degraded",
            f"{name} has {_counted(projection['dead'], 'dead letter')}",
            "Look at their error, mend its cause, deploy, and retry the class. Skip only what can never be right.",
        )
    if projection["parked"]:
        yield Reason(
            "degraded",
            f"{name} has parked {_counted(projection['parked'], 'aggregate')}",
            "They are tried again by themselves, with growing pauses. Look at the error before they are dead letters.",
        )
    verified = projection["last_verification"]
    if verified and verified["drifted"]:
        yield Reason(
            "degraded",
            f"{name} differs from its events in {_counted(verified['drifted'], 'aggregate')}",
            "Find out who has written to its tables. Then repair the aggregates, or rebuild the projection.",
        )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _processes(status: Mapping[str, Any]) -> Iterator[Reason]:
    if not status["workers"]:
        yield Reason("degraded", "no worker is alive", NO_WORKER)
    if status["clock"]["leader"] is None:
        yield Reason("degraded", "no clock is alive", NO_CLOCK)


def _jobs(jobs: list[Mapping[str, Any]]) -> Iterator[Reason]:
    for job in jobs:
        if job["failed_in_a_row"] >= FAILURES:
            yield Reason(
                "degraded",
                f"the clock's job {job['job']} has failed {job['failed_in_a_row']} times in a row",
                "Its error stands beside it in the list of jobs, and the whole of it in the clock's log.",
            )
        elif job["running"] and job["begun_seconds_ago"] > LONG_RUN:
            yield Reason(
                "degraded",
                f"the clock's job {job['job']} has been running for {job['begun_seconds_ago']:.0f} s",
                "If nothing moves in the clock's log, restart the clock: another one takes over.",
            )
