"""What the samples make of rates."""

from __future__ import annotations

import pytest

from domain.telemetry.counters import Counters, summed, written
from domain.telemetry.history import points, sample


class Everybody:
    """What all processes have counted up to now, sampled by hand."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.samples: list[dict[str, object]] = []

    def sample(self, at: float, lag: tuple[int, float] = (0, 0.0)) -> None:
        found = summed([written(self.counters.totals())])
        self.samples.append({"at": at, **sample(found, {"users": lag})})


@pytest.fixture
def everybody() -> Everybody:
    everybody = Everybody()
    everybody.counters.count("l1", "user", "hit", 1000)
    everybody.counters.observe("query", "user/l1", 5.0, n=1000)
    everybody.sample(100.0)
    return everybody


def test_a_point_tells_what_happened_since_the_one_before(everybody: Everybody):
    counters = everybody.counters
    counters.observe("query", "user/l1", 0.0004, n=90)
    counters.observe("query", "user/load", 0.02, n=10)
    counters.observe("command", "RegisterUser/done", 0.008, n=20)
    counters.count("log", "events", "appended", 30)
    counters.time("http", "GET /users/5xx", 0.1)
    counters.time("http", "GET /users/2xx", 0.1)
    counters.count("l1", "user", "hit", 60)
    counters.count("l1", "user", "miss", 40)
    counters.count("l2", "user", "hit", 30)
    counters.count("l2", "user", "miss", 10)
    everybody.sample(110.0, lag=(7, 1.5))

    (point,) = points(everybody.samples)

    assert (point["at"], point["seconds"]) == (110.0, 10.0)
    assert (point["queries_per_second"], point["commands_per_second"]) == (10.0, 2.0)
    assert (point["events_per_second"], point["errors_per_second"]) == (3.0, 0.1)
    assert point["hit_ratio"] == {"all": 0.9, "l1": 0.6, "l2": 0.75}
    assert point["query_seconds"]["p50"] == pytest.approx(0.0004, abs=0.00015)
    assert 0.01 < (point["query_seconds"]["p95"] or 0) <= 0.025
    assert 0.005 < (point["command_seconds"]["p99"] or 0) <= 0.01
    assert point["lag"] == {"users": {"events": 7, "seconds": 1.5}}


def test_a_quiet_time_has_no_ratios_and_no_quantiles(everybody: Everybody):
    everybody.sample(110.0)

    (point,) = points(everybody.samples)

    assert point["queries_per_second"] == 0
    assert point["hit_ratio"] == {"all": None, "l1": None, "l2": None}
    assert point["query_seconds"] == {"p50": None, "p95": None, "p99": None}


def test_counters_that_redis_has_lost_begin_anew_and_no_rate_is_negative(everybody: Everybody):
    everybody.counters = Counters()
    everybody.counters.observe("query", "user/l1", 0.001, n=50)
    everybody.sample(110.0)

    (point,) = points(everybody.samples)

    assert point["queries_per_second"] == 5.0
