"""A failed fold: what is kept of it, and when it is tried again."""

from __future__ import annotations

import random
import traceback
from typing import NamedTuple

import psycopg2

from domain.model.event import RecordedEvent

#: The longest text and trace that are kept, in characters.
_TEXT, _TRACE = 1_000, 10_000

#: No pause between two attempts is longer than this many seconds.
_LONGEST = 3600.0


class Policy(NamedTuple):
    """How failures are dealt with; the settings are named alike."""

    #: An aggregate whose event failed so often is a dead letter.
    max_attempts: int = 5
    #: So many aggregates of a projection that fail alike within ``window`` seconds pause it instead of being parked.
    pause_threshold: int = 20
    window: float = 60.0
    #: The pause before the second attempt, in seconds. Each later one is twice as long.
    retry_seconds: float = 5.0

    def pause(self, attempts: int) -> float:
        """Return how many seconds to wait after so many *attempts*.

        Half of it is by chance, so that what failed together does not come back together.
        """
        whole = min(self.retry_seconds * 2.0 ** min(attempts - 1, 20), _LONGEST)
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - nobody gains by guessing it.


class Failure(NamedTuple):
    """The first event of an aggregate that could not be folded, and what it failed with."""

    event: RecordedEvent
    error_class: str
    error_text: str
    error_trace: str


def failure(event: RecordedEvent, error: Exception) -> Failure:
    """Describe *error*. PostgreSQL's DETAIL is left out: it repeats whole rows, with the e-mail addresses in them."""
    if isinstance(error, psycopg2.Error) and error.diag.message_primary:
        text = error.diag.message_primary
    else:
        text = str(error)
    where = "".join(traceback.format_tb(error.__traceback__))
    return Failure(event, type(error).__name__, _storable(text, _TEXT), _storable(where, _TRACE))


def _storable(text: str, longest: int) -> str:
    """Cut *text* to its end, which says most, and replace what PostgreSQL has no place for."""
    return text.strip()[-longest:].encode(errors="backslashreplace").decode().replace("\0", "\\0")
