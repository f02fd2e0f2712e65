from __future__ import annotations

import threading

from domain.telemetry.counters import Counters, summed, written
from domain.telemetry.histogram import BOUNDS, histogram


def test_nothing_is_lost_among_threads_that_come_and_go():
    counters = Counters()

    def count() -> None:
        for _ in range(1000):
            counters.count("l1", "user", "hit")
            counters.observe("query", "user/l1", 0.002)

    for _ in range(3):
        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    totals = counters.totals()
    assert totals["l1", "user", "hit"] == 24_000
    assert histogram([{what: n for (family, _, what), n in totals.items() if family == "query"}]).times == 24_000
    assert len(counters._threads) <= 8


def test_processes_are_summed_whatever_their_labels_look_like():
    one, other = {("l1", "user", "hit"): 2}, {("l1", "user", "hit"): 3, ("http", "GET /a/{id}/2xx", "n"): 1}

    found = summed([written(one), written(other)])

    assert found == {"l1": {"user": {"hit": 5}}, "http": {"GET /a/{id}/2xx": {"n": 1}}}


def test_a_time_is_one_number_for_the_thread_that_counts_it():
    counters = Counters()

    for seconds in (0.0001, 0.0004, 0.0004, 99.0):
        counters.observe("query", "user/l1", seconds)
    counters.observe("query", "user/l1", 0.0004, n=10)

    # Given back: how often in each bucket, whose bound is in it, and all microseconds.
    assert counters.totals() == {
        ("query", "user/l1", "0"): 1,
        ("query", "user/l1", "2"): 12,
        ("query", "user/l1", str(len(BOUNDS))): 1,
        ("query", "user/l1", "us"): 100 + 12 * 400 + 99_000_000,
    }
    assert len(counters._local.cells) == 3


def test_a_time_may_do_without_buckets():
    counters = Counters()

    counters.time("http", "GET /users/2xx", 0.25)
    counters.time("http", "GET /users/2xx", 30.0)

    assert counters.totals() == {("http", "GET /users/2xx", "n"): 2, ("http", "GET /users/2xx", "us"): 30_250_000}
