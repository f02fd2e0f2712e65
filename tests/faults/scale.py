"""How hard the fault tests try: a short form with all other tests, a long one with ``make faults``."""

from __future__ import annotations

import os

LONG = os.environ.get("FAULTS") == "long"


def scaled(short: int, long: int) -> int:
    """Return how often, how many or how many seconds, in the form that runs."""
    return long if LONG else short
