"""Commands for ``flask --app web …``."""

from flask import Flask

from web.cli.load_sample import load_sample
from web.cli.projections import projections
from web.cli.token import token
from web.cli.welcome import welcome


def install(app: Flask) -> None:
    """Add our commands to Flask's own."""
    for command in (token, load_sample, projections, welcome):
        app.cli.add_command(command)
