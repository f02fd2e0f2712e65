"""How granian itself logs: as the application does. ``granian.json`` names this."""

from __future__ import annotations

import logging
import os
import sys

from domain import logs


def formatter() -> logging.Formatter:
    """Return the formatter of the settings. The application tells if they are bad."""
    return logs.formatter(os.environ.get("LOG_FORMAT") or ("console" if sys.stdout.isatty() else "json"))
