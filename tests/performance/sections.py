"""What a part of the benchmark has to say, for the report to write down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.performance.results import Result


@dataclass(frozen=True)
class Table:
    """Rows of text and numbers under *head*."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Plot:
    """*svg* is a whole picture."""

    title: str
    svg: str


@dataclass
class Section:
    """*words* say what was done; *data* is all that was measured, for programs."""

    title: str
    words: str = ""
    results: list[Result] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    appendix: list[tuple[str, str]] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
