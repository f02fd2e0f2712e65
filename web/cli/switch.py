"""``flask --app web projections pause, resume``"""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from domain.read.projection_states import ProjectionState
from web import failures, operations
from web.cli.answers import acting, json_option, reason, say

_name = click.argument("name")
_reason = click.option("--reason", required=True, callback=reason, help="Why; it is kept on record with your name.")


@click.command()
@_name
@_reason
@json_option
@with_appcontext
def pause(name: str, reason: str, as_json: bool) -> None:
    """Fold nothing more into the projection NAME until somebody resumes it."""
    _show(acting(lambda: operations.pause(name, reason)), as_json)


@click.command()
@_name
@_reason
@click.option("--park", is_flag=True, help="For ten minutes park whatever fails instead of pausing again.")
@json_option
@with_appcontext
def resume(name: str, reason: str, park: bool, as_json: bool) -> None:
    """Let the projection NAME go on."""
    _show(acting(lambda: operations.resume(name, reason, park=park)), as_json)


def _show(state: ProjectionState, as_json: bool) -> None:
    say(failures.projection_state(state), as_json, lambda: f"{state.name} is {state.state}.")
