"""HTTP in, HTTP out. ``flask --app web …`` finds the application here."""

from __future__ import annotations

from flask import Flask


def create_app() -> Flask:
    """Build the application from the settings in the environment."""
    # Imported only now, so that one who needs a single module of this package doesn't load them all.
    from web.app import create_app

    return create_app()
