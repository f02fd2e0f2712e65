"""A launcher in a folder of its own, as `make run` starts it, and all that must be gone after it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil

from workers.launcher.spawn import spawn
from workers.launcher.state import State

#: Longer than anything takes, in seconds, on a machine that does other things, too.
PATIENCE = 150.0


class Launched:
    """Runs ``python -m workers.launcher`` in *folder*, which holds a Procfile.

    *become* is a command that runs another as another user.
    """

    def __init__(self, folder: Path, port: int, become: Sequence[str] = (), **environment: str) -> None:
        self.folder = folder
        self.port = port
        self._log = folder.parent / f"{folder.name}-{time.monotonic_ns()}.log"
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        with self._log.open("wb") as log:
            # On a leash, so that it doesn't outlive a test that is killed.
            self.process = spawn(
                [*become, sys.executable, "-m", "workers.launcher"],
                directory=folder,
                environment={name: os.environ[name] for name in kept if name in os.environ}
                | {"PORT": str(port)}
                | environment,
                output=log,
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    @property
    def last_line(self) -> str:
        return self.output.splitlines()[-1]

    def wait_for(self, text: str) -> Self:
        """Wait until it has said *text*."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.output:
            assert self.process.poll() is None, f"It ended without saying {text!r}:\n{self.output}"
            assert time.monotonic() < deadline, f"It did not say {text!r}:\n{self.output}"
            time.sleep(0.05)
        return self

    def family(self) -> list[psutil.Process]:
        """All processes that it has started, however far down."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send it a signal; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def named(family: Sequence[psutil.Process], *words: str) -> psutil.Process:
    """Return the first of *family* whose command line holds all *words*."""
    return next(process for process in family if all(word in " ".join(process.cmdline()) for word in words))


def alive(family: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Return those of *family* that still run."""
    return [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def discard(folder: Path) -> None:
    """Delete the data of a launcher that ran in *folder*, which would fill the disk as pytest keeps its folders."""
    state = State(folder / ".local")
    if state.folder.exists():
        state.remove()
