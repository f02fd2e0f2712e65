"""``flask --app web traffic``"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click
from flask.cli import with_appcontext

from domain.telemetry.history import Point
from web.cli.answers import Unreachable, json_option, say, told
from web.cli.tables import cell, table
from web.context import container

#: The signs of a small chart, from nothing to most, and how many of them the last hour is put into.
_BARS, _WIDTH = "▁▂▃▄▅▆▇█", 60

#: What is shown of a point: in which words, its value, and what makes numbers of a person's size.
_ROWS: tuple[tuple[str, Callable[[Any], float | None], float], ...] = (
    ("commands/s", lambda point: point["commands_per_second"], 1),
    ("queries/s", lambda point: point["queries_per_second"], 1),
    ("events/s", lambda point: point["events_per_second"], 1),
    ("errors/s", lambda point: point["errors_per_second"], 1),
    ("hits %", lambda point: point["hit_ratio"]["all"], 100),
    ("query p50 ms", lambda point: point["query_seconds"]["p50"], 1000),
    ("query p99 ms", lambda point: point["query_seconds"]["p99"], 1000),
    ("command p50 ms", lambda point: point["command_seconds"]["p50"], 1000),
    ("command p99 ms", lambda point: point["command_seconds"]["p99"], 1000),
    ("events behind", lambda point: max((each["events"] for each in point["lag"].values()), default=None), 1),
    ("seconds behind", lambda point: max((each["seconds"] for each in point["lag"].values()), default=None), 1),
)


@click.command()
@json_option
@with_appcontext
def traffic(as_json: bool) -> None:
    """Show what all processes did in the last hour: how much, how fast, how far behind."""
    telemetry = container().telemetry
    points = told(telemetry.history)
    if not points and not telemetry.look().complete:
        raise Unreachable("Redis can't be used: it does not answer")
    nothing = "Nothing is written down yet: the clock does that, every 10 seconds."
    say({"points": points}, as_json, lambda: "\n".join(_lines(points)) if points else nothing)


def _lines(points: Sequence[Point]) -> Iterator[str]:
    rows = []
    for name, value, scale in _ROWS:
        values = [None if (found := value(point)) is None else found * scale for point in points]
        known = [each for each in values if each is not None]
        rows.append(
            [name, chart(values), cell(values[-1]), cell(min(known, default=None)), cell(max(known, default=None))]
        )
    yield table(("", "the last hour", "now", "least", "most"), rows, words=2)


def chart(values: Sequence[float | None]) -> str:
    """Return *values* as a line of small bars, the newest to the right; a dot where nothing is known."""
    step = -(-len(values) // _WIDTH) or 1
    slots = [
        [each for each in values[start : start + step] if each is not None] for start in range(0, len(values), step)
    ]
    most = max((max(slot) for slot in slots if slot), default=0.0) or 1.0
    return "".join(_BARS[round(max(slot) / most * (len(_BARS) - 1))] if slot else "·" for slot in slots)
