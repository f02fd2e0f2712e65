"""Starts servers and processes in order, notices the first that ends, and stops all in reverse order."""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import TypeVar

from workers.launcher.console import Console
from workers.launcher.process import Process, describe_end, watch
from workers.launcher.server import EmbeddedServer

Server = TypeVar("Server", bound=EmbeddedServer)

#: How long processes have to finish their work, in seconds. Platforms kill after 30 s, too.
DRAIN = 30.0

#: How long they have before the service has been ready, when there is no work to finish. granian's workers may miss the
#: wish to stop while they start.
DRAIN_UNREADY = 3.0

#: A signal that follows another within this time, in seconds, is the same wish to stop: make and timeout pass on to us
#: what the terminal or the platform has sent to the whole group, so it comes twice.
SAME_WISH = 1.0


class StopRequested(Exception):
    """Somebody asked us to stop."""


class ProcessEnded(Exception):
    """A process ended that should have gone on. ``name`` tells which, ``code`` is as subprocess gives it."""

    def __init__(self, name: str, code: int) -> None:
        self.name = name
        self.code = code
        super().__init__(f"{name} {describe_end(code)}")


class Supervisor:
    """While one of its methods waits, it raises StopRequested or ProcessEnded as soon as there is cause."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._news: queue.SimpleQueue[StopRequested | ProcessEnded] = queue.SimpleQueue()
        self._servers: list[EmbeddedServer] = []
        self._processes: list[Process] = []
        self._asked: float | None = None
        self._drain_time = DRAIN_UNREADY

    def listen_for_signals(self) -> None:
        """Take a first SIGINT, SIGTERM or SIGHUP as the wish to stop in order, and a second as one to stop at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._asked is None:
            self._asked = now
            self._news.put(StopRequested())
        elif now - self._asked > SAME_WISH:
            raise KeyboardInterrupt

    def _on_end(self, name: str, code: int) -> None:
        self._news.put(ProcessEnded(name, code))

    def serve(self, server: Server) -> Server:
        """Start *server*, and bring all down when it ends. Raises ServerFailed."""
        self._servers.append(server)
        server.start()
        assert server.process is not None  # noqa: S101 - it runs
        watch(server.name, server.process, self._on_end)
        self.pause(0)
        return server

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start *command* and bring all down when it ends."""
        output = self._console.intake(name)
        self._processes.append(Process(name, command, environment, output, self._on_end))

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str], *, bare: bool = False) -> None:
        """Run *command* to its end, which is to be exit code 0. With *bare* it has the terminal to itself."""
        output = None if bare else self._console.intake(name)
        process = Process(name, command, environment, output, self._on_end)
        self._processes.append(process)
        try:
            self.wait()
        except ProcessEnded as end:
            if end.name != name or end.code != 0:
                raise
        self._processes.remove(process)

    def ready(self) -> None:
        """Note that the service is ready: from now on the processes have work to finish before they stop."""
        self._drain_time = DRAIN

    def pause(self, seconds: float) -> None:
        """Wait *seconds*, unless there is news."""
        with suppress(queue.Empty):
            raise self._news.get(timeout=seconds) if seconds else self._news.get_nowait()

    def wait(self) -> None:
        """Wait for news, for ever."""
        raise self._news.get()

    def stop(self) -> None:
        """Ask the processes, latest first, to stop; kill those that take too long; then stop the servers."""
        try:
            self._drain()
            for server in reversed(self._servers):
                server.stop()
        except KeyboardInterrupt:
            self._console.say("Stopping at once.")
        finally:
            for process in self._processes:
                process.kill_group()
            for server in self._servers:
                server.kill()
            self._console.drain()

    def _drain(self) -> None:
        deadline = time.monotonic() + self._drain_time
        for process in reversed(self._processes):
            process.ask_to_stop()
        for process in reversed(self._processes):
            if not process.wait(max(0.0, deadline - time.monotonic())):
                self._console.say(f"{process.name} did not stop within {self._drain_time:.0f} s and is killed.")
            process.kill_group()
