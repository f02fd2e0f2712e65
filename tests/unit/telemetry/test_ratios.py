from __future__ import annotations

from domain.telemetry.ratios import hit_ratio


def test_the_hit_ratio_is_honest():
    counters = {
        "l1": {"user": {"hit": 6, "miss": 4}},
        "l2": {"user": {"absent_hit": 1, "miss": 1, "coalesced": 1, "bypass": 1, "warm": 50, "stored": 51}},
        "load": {"user": {"load": 52}},
    }
    assert hit_ratio(counters) == 0.7
    assert hit_ratio({}) is None
