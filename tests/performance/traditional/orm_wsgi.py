"""The application by SQLAlchemy's ORM as a WSGI server wants it."""

from __future__ import annotations

from domain.settings import Settings
from tests.performance.traditional.wiring import orm

app, _ = orm(Settings.from_environment())
