"""One wish to stop, heard once, in a worker process of granian's.

A platform sends SIGTERM to all processes of a dyno, perhaps more than once, and granian's parent passes its own on. A
worker that is told a second time while it finishes its requests stands still until it is killed, and one that is told
before it serves has its parent's handler, which does nothing there.
"""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import current_process

_WISHES = (signal.SIGTERM, signal.SIGINT)


def hear_once() -> None:
    """Stop at the first signal: at once before the server serves, in order from then on. Later ones are not heard.

    For the main thread, before it starts others. Under another server nothing is done.
    """
    if current_process().name != "granian-worker":
        return
    unheard = signal.getsignal(signal.SIGTERM)
    # Threads get the mask of the one that starts them, so all signals go to the one that waits for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, _WISHES)
    if getattr(getattr(unheard, "__self__", None), "interrupt_signal", False):
        os._exit(0)
    threading.Thread(target=_wait, args=(unheard,), name="signals", daemon=True).start()


def _wait(unheard: object) -> None:
    number = signal.sigwait(_WISHES)
    handler = signal.getsignal(number)
    if handler == unheard or not callable(handler):
        os._exit(0)
    handler(number, None)
