"""The Procfile: one list of processes for the platform that deploys us and for one machine."""

from __future__ import annotations

import re
from pathlib import Path

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")


def read_procfile(file: Path) -> dict[str, str]:
    """Return the command line of each process by its name, in the order of the file. Raises ValueError, OSError."""
    commands: dict[str, str] = {}
    for number, line in enumerate(file.read_text().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise ValueError(f"{file.name}, line {number}: 'name: command' is needed")
        commands[match[1]] = match[2]
    return commands


def shell(command: str) -> tuple[str, ...]:
    """Return what runs *command* as a platform would: a shell expands its variables, then becomes the command."""
    return ("/bin/sh", "-c", f"exec {command}")
