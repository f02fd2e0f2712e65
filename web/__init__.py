"""HTTP in, HTTP out. ``flask --app web …`` finds the application here."""

from __future__ import annotations

import click
from flask import Flask

from domain.settings import SettingsError


def create_app() -> Flask:
    """Build the application from the settings in the environment."""
    # Imported only now, so that one who needs a single module of this package doesn't load them all.
    from web.app import create_app

    try:
        return create_app()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
