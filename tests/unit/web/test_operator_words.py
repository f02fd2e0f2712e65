"""Numbers and charts of the operator's page."""

from __future__ import annotations

from typing import Any

import pytest

from domain.telemetry.history import Point
from web.operator import words
from web.operator.charts import HEIGHT, MARGIN, WIDTH, Measured, chart
from web.operator.hour import HOUR, SLOT, tiles


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(None, "–"), (0, "0 s"), (0.0004, "0.4 ms"), (0.012, "12 ms"), (3.21, "3.2 s"), (41, "41 s"), (89, "89 s"),
     (90, "2 min"), (300, "5 min"), (5_399, "90 min"), (7_200, "2 h"), (86_400, "24 h"), (800_000, "9 d")],
)  # fmt: skip
def test_times_are_as_exact_as_they_need_to_be(seconds: float | None, written: str) -> None:
    assert words.duration(seconds) == written


@pytest.mark.parametrize(
    ("value", "written"), [(None, "–"), (0, "0"), (0.25, "0.25"), (3.14, "3.1"), (99.96, "100.0"), (12345.6, "12,346")]
)
def test_small_rates_are_not_rounded_away(value: float | None, written: str) -> None:
    assert words.rate(value) == written


def test_other_words() -> None:
    assert [words.size(n) for n in (None, 0, 1023, 1536, 5 * 2**20, 2**50)] == [
        "–", "0 B", "1023 B", "1.5 KiB", "5.0 MiB", "1024.0 TiB",
    ]  # fmt: skip
    assert (words.ago(None), words.ago(0.2), words.ago(300)) == ("never", "just now", "5 min ago")
    assert words.when("2026-11-28T04:24:09+02:00") == "2026-11-28 02:24:09"
    assert words.pretty({"b": "é", "a": 1}) == '{\n  "a": 1,\n  "b": "é"\n}'
    assert words.pretty("[1, 2") == "[1, 2"


def test_a_line_stands_on_the_ground_reaches_the_top_and_has_a_gap_where_nothing_is_known() -> None:
    drawn = chart("Queries", {"": Measured([0.0, 10.0, None, None, 5.0, 5.0], 7.0)}, words.number)

    ground, middle = HEIGHT - MARGIN, HEIGHT / 2
    (line,) = drawn.lines
    assert line.path == f"M0.0 {ground}L48.0 {MARGIN}M192.0 {middle}L{WIDTH} {middle}"
    assert line.area.count("Z") == 2
    assert (drawn.now, drawn.least, drawn.most) == ("7", "0", "10")
    assert drawn.words == "Queries: now 7; in the last hour 0 to 10"


def test_where_nothing_is_known_nothing_is_drawn_and_a_single_point_is() -> None:
    nothing = chart("Lag", {"a": Measured([None], None), "b": Measured([], None)}, words.number)
    assert [line.path for line in nothing.lines] == ["", ""]
    assert nothing.words == "Lag: now a –, b –; in the last hour – to –"
    assert chart("Lag", {"": Measured([None, 3.0], 3.0)}, words.number).lines[0].path == "M240.0 1.5L241.0 1.5"
    assert chart("Lag", {"": Measured([0.0, 0.0], 0.0)}, words.number).lines[0].path == "M0.0 46.5L240.0 46.5"


def point(at: float, **changes: Any) -> Point:
    quantiles = {"p50": 0.001, "p95": 0.01, "p99": None}
    whole: Any = {
        "at": at, "seconds": 10.0, "commands_per_second": 1.0, "queries_per_second": 100.0, "events_per_second": 2.0,
        "errors_per_second": 0.0, "hit_ratio": {"all": 0.9, "l1": 0.8, "l2": None}, "query_seconds": quantiles,
        "command_seconds": quantiles, "lag": {"users": {"events": 3, "seconds": 1.5}},
    }  # fmt: skip
    return whole | changes  # type: ignore[no-any-return]


def test_the_hour_is_shown_to_its_end_and_what_is_now_is_the_last_word() -> None:
    end = 1_000_000.0
    points = [point(end - ago, commands_per_second=rate) for ago, rate in ((HOUR + 1, 99.0), (SLOT, 4.0), (20, 6.0),
              (10, 8.0), (0, 1.0))]  # fmt: skip

    commands, queries, _, errors, latency, _, ratio, behind, waits = tiles(points)

    # What is older than an hour is not shown, and one slot stands for the mean of its points.
    assert (commands.chart.now, commands.chart.least, commands.chart.most) == ("1.0", "1.0", "5.0")
    assert (queries.chart.now, queries.unit) == ("100", "/s")
    assert [(line.name, line.now) for line in latency.chart.lines] == [
        ("p50", "1.0 ms"),
        ("p95", "10 ms"),
        ("p99", "–"),
    ]
    assert [(line.name, line.now) for line in ratio.chart.lines] == [
        ("all", "90.0 %"),
        ("memory", "80.0 %"),
        ("Redis", "–"),
    ]
    assert (behind.chart.now, waits.chart.now, errors.chart.now) == ("3", "1.5 s", "0")
    assert tiles([]) == []


def test_a_projection_that_there_was_not_before_has_a_line_that_begins_late() -> None:
    lag = {"events": 1, "seconds": 1.0}

    behind = tiles([point(0.0), point(SLOT * 2, lag={"users": lag, "new": lag})])[7]

    assert [line.name for line in behind.chart.lines] == ["users", "new"]
    assert behind.chart.lines[1].path.count("L") == 1
