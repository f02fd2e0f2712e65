"""What the doctor finds, in short."""

from __future__ import annotations

from typing import Any


def wrong(findings: Any) -> list[str]:
    """What fails or is warned about, as ``check: found``."""
    return [f"{each.check}: {each.found}" for each in findings if each.verdict in ("fail", "warn")]


def failing(findings: Any) -> str:
    """The one that fails, and what is to be done, as one text."""
    (found,) = [each for each in findings if each.verdict == "fail"]
    assert found.advice
    return f"{found.found} → {found.advice}"
