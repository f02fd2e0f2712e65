from __future__ import annotations

import threading

from domain.cache.stats import Stats, hit_ratio, summed, written


def test_nothing_is_lost_among_threads_that_come_and_go():
    stats = Stats()

    def count() -> None:
        for _ in range(1000):
            stats.count("l1", "user", "hit")

    for _ in range(3):
        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert stats.totals() == {("l1", "user", "hit"): 24_000}
    assert len(stats._threads) <= 8


def test_processes_are_summed():
    one, other = {("l1", "user", "hit"): 2}, {("l1", "user", "hit"): 3, ("l2", "user", "miss"): 1}
    assert summed([written(one), written(other)]) == {"l1": {"user": {"hit": 5}}, "l2": {"user": {"miss": 1}}}


def test_the_hit_ratio_is_honest():
    counters = {
        "l1": {"user": {"hit": 6, "miss": 4}},
        "l2": {"user": {"absent_hit": 1, "miss": 1, "coalesced": 1, "bypass": 1, "warm": 50, "stored": 51}},
        "load": {"user": {"load": 52}},
    }
    assert hit_ratio(counters) == 0.7
    assert hit_ratio({}) is None
