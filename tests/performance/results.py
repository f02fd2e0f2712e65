"""What a benchmark found, in the one form that all reports read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Result(NamedTuple):
    """*value* in *unit*. *ratio*, where something was compared, is what has to reach the *target*; *at_most* turns
    the target round. *beside* holds what else was measured."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    target: float | None = None
    at_most: bool = False
    beside: dict[str, Any] = {}  # noqa: RUF012

    @property
    def good(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.target is None:
            return None
        reached = self.value if self.ratio is None else self.ratio
        return reached <= self.target if self.at_most else reached >= self.target


def show(results: Sequence[Result]) -> int:
    """Print *results*, and return how a program ends with them: 1 if a target was missed."""
    for each in results:
        ratio = "" if each.ratio is None else f"{each.ratio:8.2f} ×"
        target = "" if each.target is None else f"   target {'≤' if each.at_most else '≥'} {each.target:g}"
        verdict = {None: "", True: "   reached", False: "   MISSED"}[each.good]
        print(f"{each.name:56} {each.value:12,.1f} {each.unit:10} {ratio:>10}{target}{verdict}", flush=True)
    return 0 if all(each.good is not False for each in results) else 1
