"""What a check has found."""

from __future__ import annotations

from typing import Literal, NamedTuple

Verdict = Literal["ok", "unknown", "warn", "fail"]

#: From well to bad; the whole is as bad as the worst.
ORDER: tuple[Verdict, ...] = ("ok", "unknown", "warn", "fail")


class Finding(NamedTuple):
    """*check* names what was looked at, *found* says how it is, and *advice* what to do where something is to be done.

    ``unknown``: it can't be told from here, which is no fault. ``warn``: it works, and should be another way.
    """

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(check, "ok", found)


def unknown(check: str, found: str, advice: str = "") -> Finding:
    return Finding(check, "unknown", found, advice)


def warn(check: str, found: str, advice: str) -> Finding:
    return Finding(check, "warn", found, advice)


def fail(check: str, found: str, advice: str) -> Finding:
    return Finding(check, "fail", found, advice)
