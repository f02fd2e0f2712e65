"""Ending processes that aren't our children."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil  # type: ignore[import-untyped]

#: How long they may take to finish their work, in seconds.
DRAIN = 30.0


def end_processes(processes: Sequence[psutil.Process], number: signal.Signals = signal.SIGTERM) -> None:
    """Send *number* to all, and kill those that it doesn't end in time."""
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)
            # A stopped process doesn't hear it until it goes on.
            process.resume()
    for process in _remaining(processes, DRAIN):
        with suppress(psutil.Error):
            process.kill()
    _remaining(processes, 5)


def runs(process: psutil.Process) -> bool:
    """Tell whether it still does something. In a container without an init the dead may never be buried."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _remaining(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if runs(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive
