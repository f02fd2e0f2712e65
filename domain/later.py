"""Doing what nobody waits for a moment later, for many at a time."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing import util
from typing import Generic, TypeVar

T = TypeVar("T")

#: Seconds between two rounds: what a process that is killed may have left undone.
PAUSE = 0.1

#: So many are done at once, by whoever hands over the last of them: a thread that does it beside those that answer
#: requests takes their time several times over, since they all wait for each other's turns.
AT_ONCE = 64

#: So many may wait. Whoever hands over one more waits until there are fewer.
MOST = 10_000


class Later(Generic[T]):
    """Takes what is handed over at the cost of an append, and does many at a time; the rest, on a thread of its own.

    What is handed over before the process ends in order is done.
    """

    def __init__(self, do: Callable[[Sequence[T]], object], *, first: bool = False) -> None:
        """*do* may not fail. *first*: at the end of the process it is done before what is not."""
        self._do = do
        self._first = first
        self._waiting: deque[T] = deque()
        self._doing = threading.Lock()
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._begin_anew)

    def hand_over(self, item: T) -> None:
        self._waiting.append(item)
        if len(self._waiting) >= AT_ONCE:
            self._help()
        elif self._thread is None:
            self._start()

    def flush(self) -> None:
        """Do all that was handed over, and return when it is done."""
        with self._doing:
            while self._waiting:
                self._do_some()
                # In between, threads that answer requests get their turn.
                time.sleep(0)

    def _help(self) -> None:
        if self._doing.acquire(blocking=len(self._waiting) > MOST):
            try:
                self._do_some()
            finally:
                self._doing.release()

    def _do_some(self) -> None:
        waiting = self._waiting
        self._do([waiting.popleft() for _ in range(min(len(waiting), AT_ONCE))])

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="later", daemon=True)
        if self.__dict__.setdefault("_started", thread) is not thread:
            return
        self._thread = thread
        thread.start()
        atexit.register(self.flush)
        # A process of multiprocessing's, as web servers and workers are, ends without what atexit would do.
        util.Finalize(None, self.flush, exitpriority=1 if self._first else 0)

    def _run(self) -> None:
        while True:
            time.sleep(PAUSE)
            if self._waiting:
                self.flush()

    def _begin_anew(self) -> None:
        """Forget, in a process that was forked, what its parent does, and that the parent has a thread."""
        self._waiting.clear()
        self._doing = threading.Lock()
        self._thread = None
        self.__dict__.pop("_started", None)
