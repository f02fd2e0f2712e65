"""The application by hand-written SQL as a WSGI server wants it."""

from __future__ import annotations

from domain.settings import Settings
from tests.performance.traditional.wiring import sql

app, _ = sql(Settings.from_environment())
