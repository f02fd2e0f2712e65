"""The one terminal that all processes share: each line carries the name of who said it."""

from __future__ import annotations

import os
import sys
import threading
from typing import IO, TextIO

_COLOURS = (36, 33, 32, 35, 34, 31)
_WIDTH = 8


class Console:
    """Writes whole lines, never two at once, coloured on a terminal (unless NO_COLOR is set)."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._intakes: list[tuple[IO[bytes], threading.Thread]] = []
        self._colours: dict[str, int] = {}
        self.is_terminal = self._out.isatty()
        self._coloured = self.is_terminal and not os.environ.get("NO_COLOR")

    def say(self, text: str = "") -> None:
        """Write *text* in the launcher's own name, which is to say without a prefix."""
        self._write(f"{text}\n")

    def line(self, name: str, text: str) -> None:
        prefix = f"{name:<{_WIDTH}} | "
        if self._coloured:
            colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self._write(f"{prefix}{text}\n")

    def intake(self, name: str) -> IO[bytes]:
        """Give a file for a child's output. What is written there comes out here, line by line, until all close it."""
        read, write = os.pipe()
        pump = threading.Thread(target=self._pump, args=(name, read), name=f"output of {name}", daemon=True)
        pump.start()
        intake = os.fdopen(write, "wb", buffering=0)
        self._intakes.append((intake, pump))
        return intake

    def drain(self) -> None:
        """Wait a moment for what ended processes have said last. No intake can be written to any more."""
        for intake, pump in self._intakes:
            intake.close()
            pump.join(1)

    def _pump(self, name: str, read: int) -> None:
        with os.fdopen(read, "r", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                self.line(name, line.rstrip("\n"))

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                self._out.write(text)
                self._out.flush()
            except OSError:
                # The terminal has gone. The children must not be held up by that, nor the way out.
                return
