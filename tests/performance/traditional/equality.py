"""Whether two applications answer a question alike."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import orjson

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")


class Differs(AssertionError):
    """Two answers to one question are not the same."""


def meaning(body: bytes) -> Any:
    """Return what the JSON *body* says. A time may be written with or without the zeros at its end."""
    return _plain(orjson.loads(body))


def check(question: str, expected: bytes, actual: bytes, who: str) -> None:
    """Raise Differs if *actual*, which is what *who* answers, says something else than *expected*."""
    if meaning(expected) != meaning(actual):
        raise Differs(f"{who} answers {question} otherwise:\n{actual.decode()}\ninstead of\n{expected.decode()}")


def _plain(value: Any) -> Any:
    match value:
        case dict():
            # Also in the same order, which == on dicts would not say.
            return [(name, _plain(item)) for name, item in value.items()]
        case list():
            return [_plain(item) for item in value]
        case str() if _TIME.fullmatch(value):
            return datetime.fromisoformat(value)
        case _:
            return value
