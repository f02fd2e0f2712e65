"""What every process of a run finds in its environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from domain.settings import Settings
from workers.launcher.orphans import MARK
from workers.launcher.ports import LOOPBACK
from workers.launcher.secret import kept_secret
from workers.launcher.state import State

# These stand for the servers that will be started, so that all other settings can be looked at before.
_NOT_YET = {"DATABASE_URL": "postgresql://localhost", "REDIS_URL": "redis://localhost"}


def prepare_environment(outer: Mapping[str, str], state: State, *, terminal: bool) -> dict[str, str]:
    """Return *outer* with defaults for what is not set in it, all but the URLs of the servers.

    Raises SettingsError if something in it is unusable.
    """
    environment = {name: value for name, value in outer.items() if value.strip() or name not in _NOT_YET}
    environment.setdefault("PORT", "8000")
    environment.setdefault("WEB_CONCURRENCY", "2")
    environment.setdefault("HOST", LOOPBACK)
    if terminal:
        # Their output goes through us, so they can't see for themselves that a person reads it.
        environment.setdefault("LOG_FORMAT", "console")
    if not environment.get("JWT_SECRET") and not environment.get("JWT_JWKS_URL"):
        environment["JWT_SECRET"] = kept_secret(state.jwt_secret)
    programs = Path(sys.executable).parent
    environment |= {
        MARK: str(state.folder),
        "PATH": f"{programs}{os.pathsep}{outer.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }
    Settings.from_environment(_NOT_YET | environment)
    return environment
