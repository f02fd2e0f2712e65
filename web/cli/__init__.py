"""Commands for ``flask --app web …``."""

import click
from flask import Flask

from web.cli import rebuilds, verification
from web.cli.audit import audit
from web.cli.cache import cache
from web.cli.dead_letters import dead_letters
from web.cli.doctor import doctor
from web.cli.health import health
from web.cli.load_sample import load_sample
from web.cli.projections import projections
from web.cli.restore import backup, restore_check, restore_drill
from web.cli.switch import pause, resume
from web.cli.tenants import tenants
from web.cli.token import token
from web.cli.traffic import traffic
from web.cli.welcome import welcome

#: These add their commands to projections.
PARTS = (rebuilds, verification)

COMMANDS = (
    *(token, load_sample, welcome, health, doctor, projections, dead_letters, cache, tenants, audit),
    traffic,
    *(backup, restore_drill, restore_check),
)


def install(app: Flask) -> None:
    """Add our commands to Flask's own. Raises ClickException if one of Flask-Limiter's is running."""
    _leave_out_limiter()
    for command in COMMANDS:
        app.cli.add_command(command)
    for command in (pause, resume):
        projections.add_command(command)


def _leave_out_limiter() -> None:
    """Hide Flask-Limiter's commands, which Flask finds by itself: they want one of the storages that they know."""
    running = click.get_current_context(silent=True)
    if running is None:
        return
    # Imported only now, since no process that serves has any use for it.
    from flask_limiter.commands import cli as limiter

    limiter.hidden = True
    if running.command in limiter.commands.values():
        raise click.ClickException("Rate limits are set by RATE_LIMIT_PER_PRINCIPAL and RATE_LIMIT_PER_ADDRESS alone.")
