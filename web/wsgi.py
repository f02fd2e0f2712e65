"""The application as a WSGI server wants it: ``granian --interface wsgi web.wsgi:app``."""

from __future__ import annotations

import sys

from domain import logs, tracing
from domain.settings import Settings, SettingsError
from web.app import create_app
from web.context import EXTENSION

try:
    settings = Settings.from_environment()
    logs.configure(settings)
    tracing.configure(settings, "web")
    app = create_app(settings)
    app.extensions[EXTENSION].telemetry.kind = "web"
except SettingsError as error:
    sys.exit(str(error))
