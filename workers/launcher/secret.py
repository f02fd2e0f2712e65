"""Secrets that are made once and kept in files that only their owner reads."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def kept_secret(file: Path) -> str:
    """Return the secret in *file*, which is made with 48 random bytes if there is none."""
    if not file.exists() or not file.read_text().strip():
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(f"{secrets.token_urlsafe(48)}\n")
        draft.rename(file)
    return file.read_text().strip()
