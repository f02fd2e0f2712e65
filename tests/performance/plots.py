"""Plots as SVG, small enough to be drawn by hand. A reader without colours finds the numbers in the tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

_COLOURS = ("#8c564b", "#e377c2", "#2ca02c", "#1f77b4", "#d62728", "#7f7f7f", "#ff7f0e", "#9467bd")
_WIDTH, _LEFT, _TOP, _RIGHT = 860, 60, 12, 150


def bars(groups: Mapping[str, Mapping[str, float]], *, log: bool = False) -> str:
    """Horizontal bars, in groups; all groups have the same names in them."""
    names = list(next(iter(groups.values())))
    most = max(max(group.values()) for group in groups.values())
    least = min(min(group.values()) for group in groups.values())
    left, bar = 150, 13
    room = _WIDTH - left - 90

    def length(value: float) -> float:
        if not log:
            return room * value / most
        low = math.floor(math.log10(least)) if least > 0 else 0
        return room * max(0.01, (math.log10(value) - low) / (math.log10(most) - low or 1))

    parts, y = [], _TOP
    for title, group in groups.items():
        parts.append(_text(left - 8, y + bar * len(names) / 2 + 4, title, "end", bold=True))
        for place, name in enumerate(names):
            width = length(group[name])
            parts.append(
                f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{bar - 2}" fill="{_COLOURS[place]}">'
                f"<title>{escape(title)}, {escape(name)}: {group[name]:,.1f}</title></rect>"
            )
            parts.append(_text(left + width + 4, y + bar - 3, f"{group[name]:,.0f}  {name}", "start", size=10))
            y += bar
        y += 12
    return _picture(y + 4, parts)


def distribution(series: Mapping[str, Sequence[float]]) -> str:
    """Milliseconds by percentile, up to the 99.9th; both axes stretch the tail."""
    points = {}
    for name, values in series.items():
        ranked = sorted(values)
        points[name] = [
            (nines, ranked[min(len(ranked) - 1, int(len(ranked) * (1 - 10**-nines)))])
            for nines in (place / 20 for place in range(61))
        ]
    ticks = {0.0: "0", 0.30103: "50 %", 1.0: "90 %", 1.30103: "95 %", 2.0: "99 %", 3.0: "99.9 %"}
    return lines(points, x_ticks=ticks, y_label="ms", log_x=False)


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    x_ticks: Mapping[float, str] | None = None,
    y_label: str = "",
    log_x: bool = True,
) -> str:
    """Lines over a logarithmic y axis."""
    xs = [x for points in series.values() for x, _ in points]
    ys = [max(y, 1e-6) for points in series.values() for _, y in points]
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    high = max(high, low + 1)
    height, bottom = 300, 28

    def across(x: float) -> float:
        first, last = (math.log10(min(xs)), math.log10(max(xs))) if log_x else (min(xs), max(xs))
        at = math.log10(x) if log_x else x
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (at - first) / ((last - first) or 1)

    def up(y: float) -> float:
        return _TOP + (height - _TOP - bottom) * (1 - (math.log10(max(y, 1e-6)) - low) / (high - low))

    parts = [
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{up(10**power):.1f}" y2="{up(10**power):.1f}" class="grid"/>'
        + _text(_LEFT - 6, up(10**power) + 4, f"{10.0**power:g} {y_label}", "end", size=10)
        for power in range(low, high + 1)
    ]
    for x, name in (x_ticks or {x: f"{x:,.0f}" for x in sorted(set(xs))}).items():
        parts.append(_text(across(x), height - 8, name, "middle", size=10))
    parts += _curves(series, across, up)
    return _picture(height, parts)


def _curves(series: Mapping[str, Sequence[tuple[float, float]]], across, up) -> Iterator[str]:  # type: ignore[no-untyped-def]
    for place, (name, points) in enumerate(series.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        y = _TOP + 14 + 16 * place
        yield f'<rect x="{_WIDTH - _RIGHT + 14}" y="{y - 9}" width="10" height="10" fill="{colour}"/>'
        yield _text(_WIDTH - _RIGHT + 30, y, name, "start", size=11)


def _text(x: float, y: float, text: str, anchor: str, *, size: int = 12, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{weight}>{escape(text)}</text>'


def _picture(height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )
