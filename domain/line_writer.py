"""Writing lines a moment after they were said, many at a time."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from multiprocessing import util
from typing import Generic, TypeVar

T = TypeVar("T")

#: Seconds between two times of writing: what a process that is killed may not have written.
PAUSE = 0.1

#: So many lines may wait. Whoever says one more writes them, and waits for it as for any write.
MOST = 10_000


class LineWriter(Generic[T]):
    """Takes what is said at the cost of an append, and writes it to *descriptor* from a thread of its own.

    A write of each line by itself would cost more than the line: it lets the interpreter's lock go, and threads that
    have just been woken wait for one another. What is said before the process ends in order is written.
    """

    def __init__(self, descriptor: int, line_of: Callable[[T], str]) -> None:
        """*line_of* makes the line, without its end, of what was said; it has to be quick and may not fail."""
        self._descriptor = descriptor
        self._line_of = line_of
        self._said: deque[T] = deque()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._begin_anew)

    def say(self, said: T) -> None:
        self._said.append(said)
        if self._thread is None:
            self._start()
        elif len(self._said) > MOST:
            self.flush()

    def flush(self) -> None:
        """Write all that was said, and return when it is written."""
        with self._writing:
            lines = []
            while self._said:
                lines.append(self._line_of(self._said.popleft()))
            rest = ("\n".join(lines) + "\n").encode() if lines else b""
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                # What can't be logged keeps nobody from being answered.
                return

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="log-lines", daemon=True)
        if self.__dict__.setdefault("_started", thread) is not thread:
            return
        self._thread = thread
        thread.start()
        atexit.register(self.flush)
        # A process of multiprocessing's, as web servers and workers are, ends without what atexit would do.
        util.Finalize(None, self.flush, exitpriority=0)

    def _run(self) -> None:
        while True:
            time.sleep(PAUSE)
            if self._said:
                self.flush()

    def _begin_anew(self) -> None:
        """Forget, in a process that was forked, what its parent writes, and that the parent has a thread."""
        self._said.clear()
        self._writing = threading.Lock()
        self._thread = None
        self.__dict__.pop("_started", None)
