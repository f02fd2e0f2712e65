"""SQL kept in .sql files, each statement with a name and a description."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_HEADER = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def statements(package: str) -> dict[str, str]:
    """Return every statement of the .sql files in *package*, by the name in its ``-- name: …`` line.

    Comments are left out, so that PostgreSQL is not sent our prose. Raises ValueError when a name stands twice.
    """
    found: dict[str, str] = {}
    for file in sorted(files(package).iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".sql"):
            continue
        _, *parts = _HEADER.split(file.read_text())
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"{file.name} defines {name} again")
            lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--")]
            found[name] = "\n".join(lines)
    return found
