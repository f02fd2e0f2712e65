from __future__ import annotations

from typing import Any

import pytest

from domain.read.watch.health import FAILURES, LATE, LONG_RUN, MANY, Health, judge, reasons

WORKER = {"host": "h", "pid": 1, "up_seconds": 5.0}


def projection(**changes: Any) -> dict[str, Any]:
    return {
        "projection": "users",
        "state": "current",
        "strategy": "async",
        "lag": 0,
        "lag_seconds": 0.0,
        "parked": 0,
        "dead": 0,
        "shards_still": 0,
        "shards_diverged": 0,
        "allowance_seconds": 0.0,
        "slowest_shards": [],
        "paused": None,
        "last_verification": None,
    } | changes


def still(seconds: float = 40.2, shards: int = 1) -> dict[str, Any]:
    slowest = [{"shard": 17, "lag": 3, "lag_seconds": seconds, "still_seconds": seconds}]
    return projection(state="catching_up", lag=3, shards_still=shards, slowest_shards=slowest)


def health(*projections: dict[str, Any], redis: bool = True, **changes: Any) -> Health:
    clock = {"leader": WORKER, "standing_by": 0, "jobs": changes.pop("jobs", [])} | changes.pop("clock", {})
    status = {"projections": projections or [projection()], "workers": [WORKER], "clock": clock} | changes
    return judge(status, redis=redis)


def test_where_everything_moves_it_is_healthy() -> None:
    assert health(projection(state="catching_up", lag=MANY, lag_seconds=LATE)) == Health("healthy", [])


def test_a_shard_that_stands_still_is_unhealthy_and_the_reason_is_in_words() -> None:
    assert health(still(), workers=[]) == Health(
        "unhealthy", ["shard 17 has not moved for 40 s in users: no worker is alive", "no worker is alive"]
    )


@pytest.mark.parametrize(
    ("circumstances", "cause"),
    [
        ({"workers": [], "redis": False}, "no worker is alive"),
        ({"redis": False}, "Redis can't be reached"),
        ({"clock": {"leader": None}}, "no clock is alive"),
        ({}, "1 worker is alive but can't fold it"),
        ({"workers": [WORKER, WORKER]}, "2 workers are alive but can't fold it"),
    ],
)
def test_the_cause_is_the_first_that_would_explain_it(circumstances: dict[str, Any], cause: str) -> None:
    assert cause in health(still(), **circumstances).reasons[0]


def test_how_many_other_shards_stand_still_is_told() -> None:
    assert "has not moved for 40 s (nor have 4 others) in users" in health(still(shards=5)).reasons[0]
    assert "has not moved for 40 s (nor has 1 other) in users" in health(still(shards=2)).reasons[0]


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({"shards_diverged": 2, "state": "diverged"}, "unhealthy", "users is past the log on 2 shards"),
        ({"lag": MANY + 1}, "degraded", "users is 10,001 events behind"),
        ({"lag": 1, "lag_seconds": LATE + 1}, "degraded", "users shows what was 31 s ago"),
        ({"parked": 3}, "degraded", "users has parked 3 aggregates"),
        ({"dead": 1200}, "degraded", "users has 1,200 dead letters"),
        ({"last_verification": {"drifted": 1}}, "degraded", "users differs from its events in 1 aggregate"),
    ],
)
def test_each_thing_amiss_has_its_verdict_and_words(changes: dict[str, Any], verdict: str, words: str) -> None:
    found = health(projection(**changes))

    assert found.verdict == verdict
    assert found.reasons[0].startswith(words)


@pytest.mark.parametrize("changes", [{"parked": 1}, {"dead": 1}, {"last_verification": {"drifted": 1}}])
def test_one_is_not_many(changes: dict[str, Any]) -> None:
    (words,) = health(projection(**changes)).reasons

    assert " 1 " in words
    assert "aggregates" not in words
    assert "letters" not in words


def test_a_projection_paused_by_somebody_is_degraded_and_one_that_paused_itself_unhealthy() -> None:
    pause = {"reason": "secret details", "by": "ada", "error": None, "seconds": 7.4}

    by_hand = health(projection(state="paused", paused=pause, shards_still=9, slowest_shards=[{}]))
    by_itself = health(projection(state="paused", paused=pause | {"by": "engine", "error": "ValueError"}))

    assert by_hand == Health("degraded", ["users has been paused for 7 s by ada"])
    assert by_itself == Health("unhealthy", ["users has been paused for 7 s by engine, because of ValueError"])


def test_what_waits_for_the_tick_is_not_late() -> None:
    assert health(projection(strategy="batch", allowance_seconds=120.0, lag=1, lag_seconds=149.0)).verdict == "healthy"
    assert health(projection(strategy="batch", allowance_seconds=120.0, lag=1, lag_seconds=151.0)).verdict == "degraded"


def test_a_clock_or_workers_that_are_missing_degrade_what_still_looks_well() -> None:
    assert health(workers=[]) == Health("degraded", ["no worker is alive"])
    assert health(clock={"leader": None}) == Health("degraded", ["no clock is alive"])


def test_a_job_that_fails_or_hangs_is_told_without_its_error() -> None:
    job = {"job": "sweep", "running": False, "begun_seconds_ago": 1.0, "failed_in_a_row": FAILURES, "error": "secret"}

    assert health(jobs=[job]) == Health("degraded", ["the clock's job sweep has failed 3 times in a row"])
    assert health(jobs=[job | {"failed_in_a_row": FAILURES - 1}]).verdict == "healthy"
    hanging = job | {"failed_in_a_row": 0, "running": True, "begun_seconds_ago": LONG_RUN + 1}
    assert health(jobs=[hanging]) == Health("degraded", ["the clock's job sweep has been running for 301 s"])


def test_the_worst_reason_comes_first() -> None:
    found = health(projection(dead=1), still())

    assert found.verdict == "unhealthy"
    assert "has not moved" in found.reasons[0]


def test_every_reason_says_what_to_do() -> None:
    failed = {"job": "sweep", "failed_in_a_row": FAILURES, "running": False, "begun_seconds_ago": 1.0}
    long = failed | {"failed_in_a_row": 0, "running": True, "begun_seconds_ago": LONG_RUN + 1}
    status = {
        "projections": [
            still(),
            projection(shards_diverged=1, parked=1, dead=1, last_verification={"drifted": 1}),
            projection(paused={"error": "KeyError", "by": "engine", "seconds": 1.0}),
            projection(paused={"error": None, "by": "ops", "seconds": 1.0}),
            projection(lag_seconds=LATE + 1),
            projection(lag=MANY + 1),
        ],
        "workers": [],
        "clock": {"leader": None, "jobs": [failed, long]},
    }

    found = reasons(status, redis=True)

    assert len(found) == 13
    assert all(len(reason.remedy) > 20 and reason.remedy.endswith((".", "?")) for reason in found)
    assert [reason.words for reason in found] == judge(status, redis=True).reasons
