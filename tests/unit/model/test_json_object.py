from __future__ import annotations

import json
from typing import Any

import pytest

from domain.model.errors import Invalid
from domain.model.json_object import JSON_BYTES, JSON_DEPTH, JSON_INTEGER, canonical, json_object


def test_the_limits() -> None:
    assert (JSON_BYTES, JSON_DEPTH, JSON_INTEGER) == (16_384, 10, 9_007_199_254_740_991)


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"": None, "a": [True, 1, -1.5, "é\n", {}]},
        nested(JSON_DEPTH),
        {"a": JSON_INTEGER, "b": -JSON_INTEGER, "c": 1e-30},
        {"a": "x" * (JSON_BYTES - len('{"a":""}'))},
        {"a": "é" * ((JSON_BYTES - len('{"a":""}')) // 2)},
    ],
)
def test_an_object_within_the_limits_is_kept(value: Any) -> None:
    assert json_object("settings", value) == value


@pytest.mark.parametrize(
    "value",
    [
        None, [], "{}", 1, True,
        nested(JSON_DEPTH + 1), {"a": [[[[[[[[[[]]]]]]]]]]}, nested(5000),
        {"a": JSON_INTEGER + 1}, {"a": 10**5000}, {"a": 1e300}, {"a": 1e-300}, {"a": float("nan")},
        {"a": float("inf")}, {"a": float("-inf")},
        {"a": "\0"}, {"\0": 1}, {"a": "\ud83d"}, {"a": ["\udfff"]}, {1: 1}, {"a": object()}, {"a": b""},
        {"a": "x" * (JSON_BYTES - len('{"a":""}') + 1)}, {"a": "é" * (JSON_BYTES // 2)},
    ],
    ids=lambda value: str(type(value).__name__),
)  # fmt: skip
def test_all_else_is_refused(value: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        json_object("settings", value)
    assert refusal.value.data["field"] == "settings"


def test_an_object_that_holds_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["a"] = value
    with pytest.raises(Invalid):
        json_object("settings", value)


def test_the_copy_is_not_shared() -> None:
    value = {"a": {"b": [1]}}
    copy = json_object("settings", value)
    value["a"]["b"].append(2)
    assert copy == {"a": {"b": [1]}}


def test_a_number_without_a_fraction_is_an_integer() -> None:
    assert json.dumps(json_object("settings", {"a": 1.0, "b": -0.0, "c": 0.5})) == '{"a": 1, "b": 0, "c": 0.5}'


def test_each_json_value_has_one_text() -> None:
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1})
    assert canonical({"a": 1}) != canonical({"a": True})
