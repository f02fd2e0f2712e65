"""A child process that is watched, and whose whole group ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO

from workers.launcher.spawn import spawn


class Process:
    """Calls *ended* with its name and exit code, on another thread, once it has ended."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        output: IO[bytes] | None,
        ended: Callable[[str, int], None],
    ) -> None:
        self.name = name
        try:
            self._popen: subprocess.Popen[bytes] = spawn(command, environment=environment, output=output)
        finally:
            if output is not None:
                output.close()
        watch(name, self._popen, ended)

    @property
    def ended(self) -> bool:
        return self._popen.poll() is not None

    def ask_to_stop(self) -> None:
        if not self.ended:
            self._popen.send_signal(signal.SIGTERM)

    def wait(self, timeout: float) -> bool:
        """Wait until it has ended, or *timeout* seconds; tell whether it has."""
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill_group(self) -> None:
        """Kill it, if it still runs, and whatever it has started and left behind."""
        # If nobody is left in the group some systems refuse instead of saying so.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()


def watch(name: str, popen: subprocess.Popen[bytes], ended: Callable[[str, int], None]) -> None:
    """Call *ended* once *popen* has ended."""
    threading.Thread(target=lambda: ended(name, popen.wait()), name=f"end of {name}", daemon=True).start()


def describe_end(code: int) -> str:
    """Put an exit code as subprocess gives it into words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name} (exit code {128 - code})"
    except ValueError:
        return f"was ended by signal {-code} (exit code {128 - code})"
