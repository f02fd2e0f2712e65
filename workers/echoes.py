"""One wish to stop, heard once.

A platform sends SIGTERM to all processes of a dyno, and Dramatiq's parent passes its own on to its worker processes. A
worker process takes the second one as the wish to be killed, and would drop what it has in hand.
"""

from __future__ import annotations

import signal
import time
from types import FrameType

#: Signals that come within this many seconds of the first are one wish.
_ECHO = 1.0


def ignore_echoes(number: signal.Signals) -> None:
    """Let the handler of *number* hear a signal only if none came shortly before. For the main thread."""
    handler = signal.getsignal(number)
    heard = float("-inf")

    def once(received: int, frame: FrameType | None) -> None:
        nonlocal heard
        before, heard = heard, time.monotonic()
        if callable(handler) and heard - before > _ECHO:
            handler(received, frame)

    signal.signal(number, once)
