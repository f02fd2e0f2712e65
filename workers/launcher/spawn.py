"""Starting a child process that ends with us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

# The kernel takes the end of the *thread* that started a child for the end of its parent, so all children are
# started by one thread that lives as long as we do.
_starter = ThreadPoolExecutor(1, thread_name_prefix="spawn")


def spawn(
    command: Sequence[str | Path],
    *,
    when_we_die: signal.Signals = signal.SIGTERM,
    wrapper: Sequence[str] = (),
    uid: int | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    output: IO[bytes] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Start *command* in a session of its own, with no input, both its outputs going to *output*.

    It gets *when_we_die* when this process ends. *wrapper* is a command that runs another in its own place, such as
    ``unshare``; *uid* is the user to become.
    """
    leash = Path(__file__).with_name("leash.py")
    leashed = [
        *wrapper,
        *(sys.executable, "-I", "-S", str(leash), str(int(when_we_die)), str(os.getpid())),
        *("-" if uid is None else str(uid), *map(str, command)),
    ]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - What is run is the caller's to choose.
            leashed,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            env=environment,
            cwd=directory,
            start_new_session=True,
        )

    return _starter.submit(start).result()
