"""What is sent to be measured, and what comes of it."""

from __future__ import annotations

from typing import NamedTuple


class Sent(NamedTuple):
    """One request to be sent. In the *body* ``{n}`` becomes a text that no other request has."""

    method: str
    path: str
    token: str
    body: str = ""


class Load(NamedTuple):
    """What came of sending requests: answers in a second, and milliseconds until an answer."""

    rate: float
    p50: float
    p95: float
    p99: float
