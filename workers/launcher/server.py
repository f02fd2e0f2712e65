"""What the embedded PostgreSQL and Valkey have in common."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import IO, Self

import psutil  # type: ignore[import-untyped]

from workers.launcher.ending import end_processes

#: How long a server may take to start, recovery after a crash included, in seconds.
START_DEADLINE = 60.0

#: How long a server may take to stop in order, in seconds.
STOP_DEADLINE = 30.0


class ServerFailed(Exception):
    """A server did not start. The message ends with the last lines of its log."""


class EmbeddedServer(ABC):
    """A server that lives in *directory*, listens on the loopback interface only, and ends with this process.

    Its data stay; its URL stays the same over restarts of one object, and over objects as long as its port is free.
    """

    #: What it is called where people read it.
    name: str
    #: The port that is tried first; None for any.
    default_port: int | None = None

    def __init__(
        self, directory: Path, *, default_port: int | None = None, output: IO[bytes] | int | None = None
    ) -> None:
        self.directory = Path(directory).absolute()
        self.default_port = default_port
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._output = output

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL by which applications reach the server, password included."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make all that must be there before the server starts, and clear away what a killed one has left."""

    @abstractmethod
    def _choose_port(self) -> int: ...

    @abstractmethod
    def _spawn(self, output: IO[bytes] | int) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def _answers(self) -> bool:
        """Tell whether the server takes commands."""

    def _started(self) -> None:  # noqa: B027 - most servers have nothing left to do
        """Do what is left to do once the server takes commands."""

    @abstractmethod
    def _ask_to_stop(self) -> None: ...

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def start(self) -> Self:
        """Start it and return when it takes commands. Raises ServerFailed."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._prepare()
        # Between the choice of a port and its use somebody else may take it.
        for attempt in range(3):
            if self.port == 0 or attempt:
                self.port = self._choose_port()
            if self._try_to_start():
                self._started()
                return self
        raise ServerFailed(f"{self.name} did not start:\n{self._last_words()}")

    def _try_to_start(self) -> bool:
        if self._output is not None:
            self.process = self._spawn(self._output)
        else:
            with self.log.open("ab") as log:
                self.process = self._spawn(log)
        deadline = time.monotonic() + START_DEADLINE
        while self.process.poll() is None:
            if self._answers():
                return True
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.name} was not ready after {START_DEADLINE:.0f} s:\n{self._last_words()}")
            time.sleep(0.02)
        return False

    def _last_words(self) -> str:
        if self._output is not None or not self.log.exists():
            return "See its output above."
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])

    def stop(self) -> None:
        """Let it finish in order; kill it if it takes too long. A stopped server may be started again."""
        if self.process is None or self.process.poll() is not None:
            return
        self.resume()
        self._ask_to_stop()
        try:
            self.process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()

    def discard(self) -> None:
        """Stop it and delete all that it kept."""
        self.stop()
        shutil.rmtree(self.directory)

    def kill(self) -> None:
        """End it by SIGKILL, with all its children, as a crash of the machine would. None is left when this returns."""
        if self.process is None:
            return
        if self.process.poll() is None:
            # Frozen it can't replace those that are found, and once it is dead its children are nobody's.
            self.freeze()
            server = psutil.Process(self.process.pid)
            end_processes([server, *server.children(recursive=True)], signal.SIGKILL)
        self.process.wait()

    def freeze(self) -> None:
        """Stop it in its tracks (SIGSTOP): connections stay open and nothing answers."""
        self._each(psutil.Process.suspend)

    def resume(self) -> None:
        """Let a frozen server go on."""
        self._each(psutil.Process.resume)

    def _each(self, act: Callable[[psutil.Process], None]) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        try:
            server = psutil.Process(self.process.pid)
            # The server itself comes first, so that it can't replace the children that follow.
            act(server)
            children = server.children(recursive=True)
        except psutil.NoSuchProcess:
            return
        for child in children:
            try:
                act(child)
            except psutil.NoSuchProcess:
                continue

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
