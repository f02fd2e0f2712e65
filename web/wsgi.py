"""The application as a WSGI server wants it: ``granian --interface wsgi web.wsgi:app``."""

from web.app import create_app

app = create_app()
