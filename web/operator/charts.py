"""Small charts as SVG paths, drawn here, so that they are there without any script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

#: The coordinates of a chart, which a style sheet stretches, and what stays free above and below its lines.
WIDTH, HEIGHT, MARGIN = 240.0, 48.0, 1.5


class Measured(NamedTuple):
    """Values, the oldest first, None where nothing is known, and the present one."""

    values: Sequence[float | None]
    now: float | None


class Line(NamedTuple):
    """A line of a chart: its name, the path of the line and of the area below it, and the present value."""

    name: str
    path: str
    area: str
    now: str


class Chart(NamedTuple):
    """A chart with its numbers as they are written. *now* is the first line's; *least* and *most* are of all."""

    title: str
    lines: list[Line]
    now: str
    least: str
    most: str
    words: str


def chart(
    title: str, lines: Mapping[str, Measured], written: Callable[[float | None], str], *, top: float | None = None
) -> Chart:
    """Return the chart of *lines*; *written* writes a value, and *top* is the largest that there can be, if any."""
    known = [value for line in lines.values() for value in (*line.values, line.now) if value is not None]
    height = top or max(known, default=0.0) or 1.0
    drawn = [
        Line(
            name,
            _path(line.values, height, closed=False),
            _path(line.values, height, closed=True),
            written(line.now),
        )
        for name, line in lines.items()
    ]
    least, most = written(min(known, default=None)), written(max(known, default=None))
    now = ", ".join(f"{line.name} {line.now}".strip() for line in drawn)
    return Chart(title, drawn, drawn[0].now, least, most, f"{title}: now {now}; in the last hour {least} to {most}")


def _path(values: Sequence[float | None], top: float, *, closed: bool) -> str:
    """A path with a gap wherever nothing is known; *closed* down to the ground."""
    step = WIDTH / max(1, len(values) - 1)
    points = [
        (index * step, None if value is None else HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN))
        for index, value in enumerate(values)
    ]
    pieces = [list(group) for known, group in groupby(points, lambda point: point[1] is not None) if known]
    return "".join(_piece(piece, closed=closed) for piece in pieces)


def _piece(points: Sequence[tuple[float, float | None]], *, closed: bool) -> str:
    left, right = points[0][0], points[-1][0]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    if len(points) == 1:
        # A line without length would not be drawn.
        right = left + 1
        line += f"L{right:.1f} {points[0][1]:.1f}"
    return f"M{left:.1f} {HEIGHT:.0f}L{line}L{right:.1f} {HEIGHT:.0f}Z" if closed else f"M{line}"
