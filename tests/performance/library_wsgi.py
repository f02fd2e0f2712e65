"""The commands by the library eventsourcing as a WSGI server wants them."""

from __future__ import annotations

from domain.settings import Settings
from tests.performance.library_commands import library

app = library(Settings.from_environment())
