"""The last hour as charts: what was done in it, how long it took, and how far behind the projections were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from domain.telemetry.history import Point
from web.operator import words
from web.operator.charts import Chart, Measured, chart

#: Seconds that are shown, and how many of them each point of a line stands for.
HOUR, SLOT = 3600.0, 30.0

_QUANTILES = ("p50", "p95", "p99")

#: The parts of the hit ratio, and what people call them.
_LEVELS = {"all": "all", "memory": "l1", "Redis": "l2"}


class Tile(NamedTuple):
    """A chart, and the unit of its numbers."""

    chart: Chart
    unit: str = ""


def tiles(points: Sequence[Point]) -> list[Tile]:
    """Return the charts of *points*, the oldest first; none while there are no points."""
    if not points:
        return []
    mean, most = _Series(points, _mean), _Series(points, max)
    projections = {words.state(name): name for name in points[-1]["lag"]}

    def rate(title: str, name: str) -> Tile:
        return Tile(chart(title, {"": mean.of(lambda point: _value(point, name))}, words.rate), "/s")

    def quantiles(title: str, name: str) -> Tile:
        lines = {each: most.of(partial(_quantile, name, each)) for each in _QUANTILES}
        return Tile(chart(title, lines, words.duration))

    def lag(what: str) -> dict[str, Measured]:
        return {said: most.of(partial(_lag, name, what)) for said, name in projections.items()}

    ratios = {said: mean.of(partial(_hit_ratio, level)) for said, level in _LEVELS.items()}
    return [
        rate("Commands", "commands_per_second"),
        rate("Queries", "queries_per_second"),
        rate("Events", "events_per_second"),
        rate("Answers 5xx", "errors_per_second"),
        quantiles("A query takes", "query_seconds"),
        quantiles("A command takes", "command_seconds"),
        Tile(chart("Answered from the cache", ratios, words.percent, top=1.0)),
        Tile(chart("Projections are behind by", lag("events"), words.number), "events"),
        Tile(chart("The oldest event waits", lag("seconds"), words.duration)),
    ]


class _Series:
    """What points say, slot by slot; *together* makes one value of those of a slot."""

    def __init__(self, points: Sequence[Point], together: Callable[[list[float]], float]) -> None:
        end = points[-1]["at"]
        self._together = together
        self._last = points[-1]
        self._slots: list[list[Point]] = [[] for _ in range(int(HOUR / SLOT))]
        for point in points:
            place = len(self._slots) - 1 - int((end - point["at"]) / SLOT)
            if place >= 0:
                self._slots[place].append(point)

    def of(self, value: Callable[[Point], float | None]) -> Measured:
        """Return *value* of all slots, None where nothing is known, and what it is now."""
        found = [[known for point in slot if (known := value(point)) is not None] for slot in self._slots]
        return Measured([self._together(slot) if slot else None for slot in found], value(self._last))


def _value(point: Point, name: str) -> Any:
    return point[name]  # type: ignore[literal-required]


def _quantile(name: str, which: str, point: Point) -> float | None:
    found: float | None = _value(point, name)[which]
    return found


def _hit_ratio(level: str, point: Point) -> float | None:
    return point["hit_ratio"][level]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _lag(name: str, what: str, point: Point) -> float | None:
    # A release may have brought a projection that there was not before.
    lag = point["lag"].get(name)
    return None if lag is None else lag[what]
