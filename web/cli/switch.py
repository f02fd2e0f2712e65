"""``flask --app web projections pause, resume``"""

from __future__ import annotations

import json

import click
from flask.cli import with_appcontext

from domain.read.projection_states import ProjectionState
from web import failures
from web.cli.dead_letters import reason, told, who
from web.context import container

_name = click.argument("name")
_reason = click.option("--reason", required=True, callback=reason, help="Why; it is kept on record with your name.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@_name
@_reason
@_as_json
@with_appcontext
def pause(name: str, reason: str, as_json: bool) -> None:
    """Fold nothing more into the projection NAME until somebody resumes it."""
    _show(told(lambda: container().projection_switch.pause(name, reason, who())), as_json)


@click.command()
@_name
@_reason
@click.option("--park", is_flag=True, help="For ten minutes park whatever fails instead of pausing again.")
@_as_json
@with_appcontext
def resume(name: str, reason: str, park: bool, as_json: bool) -> None:
    """Let the projection NAME go on."""
    _show(told(lambda: container().projection_switch.resume(name, reason, who(), park=park)), as_json)


def _show(state: ProjectionState, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(failures.projection_state(state), indent=2))
    else:
        click.echo(f"{state.name} is {state.state}.")
