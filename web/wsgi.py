"""The application as a WSGI server wants it: ``granian --interface wsgi web.wsgi:app``."""

from __future__ import annotations

import sys

from web.drain import hear_once

# Before the other imports, which are what a starting worker spends its time on.
hear_once()

from domain import logs, tracing  # noqa: E402
from domain.garbage import collect_rarely  # noqa: E402
from domain.settings import Settings, SettingsError  # noqa: E402
from web.affinity import keep_to_one_processor  # noqa: E402
from web.app import create_app  # noqa: E402
from web.context import EXTENSION  # noqa: E402

try:
    settings = Settings.from_environment()
    logs.configure(settings)
    if settings.web_cpu_affinity:
        # Before any thread is there, since only those that come later are kept to it too.
        keep_to_one_processor()
    tracing.configure(settings, "web")
    application = create_app(settings)
    # Past Flask's own __call__, which would only call it.
    app = application.wsgi_app
    telemetry = application.extensions[EXTENSION].telemetry
    telemetry.kind = "web"
    # Also one that nobody asks anything is seen, and its death missed.
    telemetry.start()
    collect_rarely()
except SettingsError as error:
    sys.exit(str(error))
