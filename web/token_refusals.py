"""Why tokens are refused, by kinds that can be counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import jwt

from domain.model.errors import DomainError, Unavailable
from domain.telemetry.names import TOKEN
from domain.telemetry.telemetry import Telemetry

#: The kinds. ``unknown_key``: it is signed with a key that is not known, or not any more. ``keys_unavailable``: the
#: keys can't be fetched, so nobody knows.
Reason = Literal["absent", "expired", "unknown_key", "keys_unavailable", "invalid"]

#: All of them.
REASONS: tuple[Reason, ...] = get_args(Reason)

_BY_WORDS: Mapping[str, Reason] = {
    "there is none": "absent",
    "it has expired": "expired",
    "its key is not known": "unknown_key",
}


def reason_of(error: DomainError) -> Reason:
    """Return which of REASONS *error*, an Unauthenticated or Unavailable, is about."""
    if isinstance(error, Unavailable):
        return "keys_unavailable"
    # With a shared secret the key has no name: it is another one if the signature is not ours.
    if isinstance(error.__context__, jwt.InvalidSignatureError):
        return "unknown_key"
    return _BY_WORDS.get(error.data["reason"], "invalid")


class Refusals:
    """Counts the tokens that are refused."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def __call__(self, error: DomainError) -> None:
        reason = reason_of(error)
        self._telemetry.counters.count(TOKEN, "refused", reason)
        if reason == "unknown_key" or reason == "keys_unavailable":
            self._telemetry.troubles.happened(reason)
