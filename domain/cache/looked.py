"""What a look into Redis may come to."""

from __future__ import annotations

from typing import NamedTuple

from domain.cache.answer import Found
from domain.cache.epoch import Names


class Ask(NamedTuple):
    """Who asks: *least* is the offset that the answer has to have reached, *token* names the lease it would take."""

    least: int
    token: str


class Lease(NamedTuple):
    """Permission to load an answer, and what stood when it was given: a fill has to find the same.

    ``offset`` is where the tags known from the question stood. Without a ``token`` no other process knows of it.
    """

    names: Names
    token: str
    id: bytes
    renewals: int
    offset: int
    least: int


class Hit(NamedTuple):
    """An answer that stands. ``lease`` is given to one who should refresh it."""

    found: Found
    lease: Lease | None


class Wait(NamedTuple):
    """Another process is loading the answer."""


class Down(Exception):
    """Redis does not answer, or can't be used now."""
