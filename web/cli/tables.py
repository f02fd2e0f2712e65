"""Tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]], words: int = 1) -> str:
    """Return lines with names to the left, and numbers to the right of the first columns, which hold *words*."""
    lines = [list(headings), *([cell(value) for value in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(headings))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if place < words else text.rjust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def chosen(columns: Mapping[str, str], found: Iterable[Mapping[str, Any]], words: int = 1) -> str:
    """Return a table of *found*: each heading of *columns* over the values of that name."""
    return table(list(columns), ([each[name] for name in columns.values()] for each in found), words)


def cell(value: Any) -> str:
    """Return *value* as a person reads it."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
        case _:
            return str(value)
