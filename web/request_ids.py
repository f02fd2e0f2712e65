"""Names for requests whose clients give them none."""

from __future__ import annotations

import os
from itertools import count
from uuid import uuid4


class _Names:
    """A process draws its own part once: drawing one for each request would cost more than all else of a hit."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.process = str(uuid4())[:24]
        self.numbers = count()


_names = _Names()
os.register_at_fork(after_in_child=_names.begin)


def new_request_id() -> str:
    """Return an id that no other request has, in the form of a UUID."""
    return f"{_names.process}{next(_names.numbers):012x}"
