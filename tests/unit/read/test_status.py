from __future__ import annotations

from domain.read.status import lagging, status


def test_a_shard_lags_while_one_projection_is_behind_its_head() -> None:
    heads = {1: 10, 2: 5, 3: 7}
    positions = {(1, "a"): 10, (1, "b"): 9, (2, "a"): 5, (2, "b"): 5}

    assert lagging(heads, positions, ["a", "b"]) == [1, 3]


def test_a_projection_that_has_everything_is_current() -> None:
    (shown,) = status({1: 10, 2: 5}, {(1, "a"): 10, (2, "a"): 5}, ["a"])

    assert (shown["state"], shown["applied"], shown["lag"], shown["shards_behind"]) == ("current", 15, 0, 0)


def test_a_projection_that_is_behind_names_its_slowest_shards() -> None:
    (shown,) = status({1: 10, 2: 5, 3: 1}, {(1, "a"): 9, (3, "a"): 1}, ["a"])

    assert (shown["state"], shown["applied"], shown["lag"], shown["shards_behind"]) == ("catching_up", 10, 6, 2)
    assert shown["slowest_shards"] == [{"shard": 2, "lag": 5}, {"shard": 1, "lag": 1}]


def test_a_checkpoint_past_its_head_is_no_lag_and_shown() -> None:
    (shown,) = status({1: 3}, {(1, "a"): 5}, ["a"])

    assert (shown["state"], shown["lag"], shown["shards_diverged"]) == ("diverged", 0, 1)
