"""The folder ``.local/`` in which one checkout keeps its data, and the rule that one launcher at a time uses it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.launcher.unprivileged import elsewhere


class AlreadyRunning(Exception):
    """Another launcher runs in this checkout."""


class State:
    """Paths below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = folder / "postgres"
        self.valkey = folder / "valkey"
        self.jwt_secret = folder / "jwt-secret"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other launchers out. Raises AlreadyRunning.

        The folder itself is what is locked, so there is no lock file to be left behind, and the kernel lets go of it
        however we end.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunning(AlreadyRunning.__doc__) from error
            yield
        finally:
            os.close(handle)

    def remove(self) -> None:
        """Delete all data, those too that had to move out of the folder."""
        moved = elsewhere(self.postgres)
        if moved is not None:
            shutil.rmtree(moved, ignore_errors=True)
        shutil.rmtree(self.folder)
