"""Numbers, times and states as people read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

NOTHING = "–"

#: The tone in which the word for a state is shown: good, busy, warn, bad or calm.
_TONES = {
    "healthy": "good", "current": "good", "running": "good", "done": "good", "up": "good", "closed": "good",
    "catching_up": "busy", "preparing": "busy", "loading": "busy", "indexing": "busy", "following": "busy",
    "cut_over": "busy", "cancelling": "busy", "waiting": "busy", "probing": "busy",
    "degraded": "warn", "paused": "warn", "parked": "warn", "cancelled": "calm", "compared": "good",
    "unhealthy": "bad", "diverged": "bad", "dead": "bad", "failed": "bad", "down": "bad", "open": "bad",
}  # fmt: skip

_LENGTHS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def number(value: float | None, digits: int = 0) -> str:
    """``12,345`` or, with *digits*, ``12,345.6``."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def rate(value: float | None) -> str:
    """A number whose small values matter as much as its large ones: ``0.25``, ``3.1``, ``1,204``."""
    if value is None:
        return NOTHING
    return number(value, 0 if value >= 100 or value == 0 else 1 if value >= 1 else 2)


def duration(seconds: float | None) -> str:
    """``0.4 ms``, ``12 ms``, ``3.2 s``, ``41 s``, ``5 min``, ``2 h``, ``9 d``."""
    if seconds is None:
        return NOTHING
    if seconds == 0:
        return "0 s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    length, unit = next((length, unit) for length, unit in _LENGTHS if seconds >= 1.5 * length or unit == "min")
    return f"{seconds / length:.0f} {unit}"


def ago(seconds: float | None) -> str:
    return "never" if seconds is None else "just now" if seconds < 1 else f"{duration(seconds)} ago"


def size(count: float | None) -> str:
    """``4.2 MiB``."""
    if count is None:
        return NOTHING
    for unit in _SIZES[:-1]:
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} {_SIZES[-1]}"


def percent(part: float | None) -> str:
    """``98.2 %`` of a part between 0 and 1."""
    return NOTHING if part is None else f"{part * 100:.1f} %"


def when(time: datetime | str | None) -> str:
    """``2026-11-28 02:24:09`` in UTC."""
    if time is None:
        return NOTHING
    parsed = datetime.fromisoformat(time) if isinstance(time, str) else time
    return parsed.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def state(name: str) -> str:
    """``catching up`` for ``catching_up``."""
    return name.replace("_", " ")


def tone(name: str) -> str:
    return _TONES.get(name, "calm")


def pretty(value: Any) -> str:
    """JSON in lines; text as it is."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


FILTERS: dict[str, Callable[..., str]] = {
    each.__name__: each for each in (number, rate, duration, ago, size, percent, when, state, tone, pretty)
}
