"""Asking several parts of the service at once, so that one that hangs keeps nobody from the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")

#: Seconds after which a part that has not answered is taken for down.
PATIENCE = 2.0


class Asking(Generic[T]):
    """Asks each part on a thread of its own. May be used by any thread.

    Whoever asks while a part has not answered an earlier one waits for that answer: a part that hangs holds one thread,
    however often it is asked.
    """

    def __init__(self, purpose: str) -> None:
        """*purpose* is what the threads are named for."""
        self._purpose = purpose
        self._lock = threading.Lock()
        self._asked: dict[str, tuple[threading.Thread, list[T]]] = {}

    def ask(self, parts: Mapping[str, Callable[[], T]], patience: float | None = None) -> dict[str, T | None]:
        """Return what each of *parts*, which never raise, says within *patience* or PATIENCE seconds; None if nothing.

        That is the time for all of them together.
        """
        deadline = time.monotonic() + (PATIENCE if patience is None else patience)
        asked = {name: self._ask(name, part) for name, part in parts.items()}
        found: dict[str, T | None] = {}
        for name, (thread, answer) in asked.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            found[name] = answer[0] if answer else None
        return found

    def _ask(self, name: str, part: Callable[[], T]) -> tuple[threading.Thread, list[T]]:
        with self._lock:
            before = self._asked.get(name)
            if before is not None and before[0].is_alive():
                return before
            answer: list[T] = []
            thread = threading.Thread(
                target=lambda: answer.append(part()), name=f"{self._purpose} of {name}", daemon=True
            )
            self._asked[name] = thread, answer
            thread.start()
            return thread, answer
