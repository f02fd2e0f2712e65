"""HTTP in, HTTP out. ``flask --app web …`` finds the application here."""

from __future__ import annotations

import sys

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
        # The one command that says what is wrong with the settings, and what to do, works with them as they are.
        if "doctor" in sys.argv[1:]:
            return _doctor_alone()
        raise click.ClickException(str(error)) from None


def _doctor_alone() -> Flask:
    """Return an application that has no settings, and so nothing but the doctor."""
    from web.cli.doctor import doctor

    app = Flask("web")
    app.cli.add_command(doctor)
    return app
