from __future__ import annotations

from domain.read.lagging import lagging


def test_a_shard_lags_while_one_projection_is_behind_its_head() -> None:
    heads = {1: 10, 2: 5, 3: 7}
    positions = {(1, "a"): 10, (1, "b"): 9, (2, "a"): 5, (2, "b"): 5}

    assert lagging(heads, positions, ["a", "b"]) == [1, 3]
