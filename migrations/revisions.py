"""Which revisions there are, for those who only ask: without Alembic, whose import takes longer than their start."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

Side = Literal["write", "read"]

HERE = Path(__file__).parent


@cache
def revisions(side: Side) -> tuple[frozenset[str], frozenset[str]]:
    """Return all older revisions that this release knows, and its newest.

    They are numbered, one after the other, and the number begins the file's name.
    """
    numbers = sorted(file.name[:4] for file in (HERE / side / "versions").glob("[0-9]*_*.py"))
    return frozenset(numbers[:-1]), frozenset(numbers[-1:])
