"""Programs that no wheel brings and Debian does."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def program(name: str, package: str) -> Path:
    """Return the path of *name*, which Debian has in *package*. Where it isn't installed, fails in CI and skips
    elsewhere."""
    # Debian keeps the servers of each version of PostgreSQL in a folder of their own; the newest comes first.
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda bin: int(bin.parent.name), reverse=True)
    places = [os.environ["PATH"], "/usr/sbin", "/usr/local/sbin", *map(str, versions)]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is not None:
        return Path(found)
    missing = f"{name} is not installed (Debian: apt-get install {package})"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
