"""Tables and progress on the command line."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from web.cli.progress import counted, progress
from web.cli.tables import cell, table
from web.cli.traffic import chart


def test_names_stand_to_the_left_and_numbers_to_the_right() -> None:
    assert table(("name", "events", "s"), [["users", 1_234_567, 0.25], ["x", 1, None]]).splitlines() == [
        "name      events    s",
        "users  1,234,567  0.2",
        "x              1    -",
    ]


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), ("", "-"), (True, "yes"), (False, "no"), (0, "0"), (1e4, "10,000.0"), ("a", "a")]
)
def test_a_cell_is_written_for_people(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_without_a_terminal_each_tenth_and_each_state_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with counted("Rebuilding") as show:
        for done in range(1, 101):
            show(done, 100, "folding")
        show(100, 100, "comparing")

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert lines[0] == "Rebuilding: folding, 1 of 100"
    assert lines[-2:] == ["Rebuilding: folding, 100 of 100", "Rebuilding: comparing, 100 of 100"]


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Loading", 10, quiet=True) as advance:
        advance()

    assert capsys.readouterr().out == ""


def test_on_a_terminal_it_is_a_bar_of_a_whole_that_may_grow(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    with counted("Rebuilding") as show:
        show(5, 10, "folding")
        show(10, 20, "folding")
        show(20, 20, "comparing")

    out = capsys.readouterr().out
    assert "Rebuilding: folding" in out
    assert "5/10" in out
    assert "10/20" in out
    assert "Rebuilding: comparing" in out.split("\r")[-1]


@pytest.mark.parametrize(
    ("values", "bars"),
    [([0, 5, 10], "▁▅█"), ([None, 1.0], "·█"), ([0, 0], "▁▁"), ([], ""), (range(120), 60)],
)
def test_a_chart_is_a_line_of_small_bars(values: Any, bars: str | int) -> None:
    assert chart(list(values)) == bars or len(chart(list(values))) == bars
