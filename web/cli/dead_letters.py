"""``flask --app web dead-letters …``"""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from typing import Any, TypeVar

import click
from flask.cli import with_appcontext

from domain.model.errors import DomainError
from web import failures
from web.cli.projections import table
from web.context import container

T = TypeVar("T")

#: What the table shows of each: the heading and the name in the JSON.
_COLUMNS = {
    "state": "state",
    "projection": "projection",
    "event": "event_type",
    "at": "position",
    "error": "error_class",
    "attempts": "attempts",
    "next attempt": "next_attempt_at",
    "id": "id",
}

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def reason(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    if not text.strip():
        raise click.BadParameter("it must not be empty.")
    return text.strip()


def who() -> str:
    """The name under which what is done here stands on record."""
    return f"cli:{getpass.getuser()}"


def told(action: Callable[[], T]) -> T:
    """Return what *action* does; its refusal ends the command with one line."""
    try:
        return action()
    except DomainError as error:
        raise click.ClickException(str(error)) from None


@click.group("dead-letters")
def dead_letters() -> None:
    """Look after events that can't be folded."""


@dead_letters.command("list")
@click.option("--state", type=click.Choice(["parked", "dead"]), help="Only those that are tried again, or are not.")
@click.option("--projection", help="Only those of one projection.")
@click.option("--error-class", help="Only those that failed with one class of error.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", help="Go on where the last list ended.")
@_as_json
@with_appcontext
def list_(as_json: bool, **chosen: Any) -> None:
    """List the aggregates that stand still, newest first."""
    found = failures.page(told(lambda: container().dead_letters.page(**chosen)))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    rows = [[str(letter[name] or "-") for name in _COLUMNS.values()] for letter in found["dead_letters"]]
    click.echo("\n".join(table([list(_COLUMNS), *rows])) if rows else "Nothing stands still.")
    if found["next_cursor"]:
        click.echo(f"There are more: --cursor {found['next_cursor']}")


@dead_letters.command()
@click.argument("id")
@_as_json
@with_appcontext
def show(id: str, as_json: bool) -> None:
    """Show the event that fails, the error, and what waits behind it."""
    found = failures.inspection(told(lambda: container().dead_letters.show(id)))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        if name not in ("event", "waiting_events", "error_trace", "more_waiting"):
            click.echo(f"{name.replace('_', ' ')}: {'-' if value is None else value}")
    click.echo(f"\n{found['error_trace']}\n\n{json.dumps(found['event'], indent=2)}\n")
    more = " and more" if found["more_waiting"] else ""
    click.echo(f"waiting behind it: {len(found['waiting_events'])}{more}")
    for event in found["waiting_events"]:
        click.echo(f"  {event['position']}  {event['event_type']}")


@dead_letters.command()
@click.argument("id", required=False)
@click.option("--error-class", help="All that failed with this class of error, instead of one.")
@click.option("--projection", help="With --error-class: only those of one projection.")
@_as_json
@with_appcontext
def retry(id: str | None, error_class: str | None, projection: str | None, as_json: bool) -> None:
    """Try again at once: one, or all of a class of errors."""
    if (id is None) == (error_class is None):
        raise click.UsageError("Name either one ID or an --error-class.")
    if projection is not None and error_class is None:
        raise click.UsageError("--projection goes with --error-class.")
    letters = container().dead_letters
    retried = letters.retry_class(error_class, projection) if error_class else [told(lambda: letters.retry(str(id)))]
    click.echo(json.dumps({"retried": len(retried)}) if as_json else f"{len(retried)} will be tried again at once.")


@dead_letters.command()
@click.argument("id")
@click.option("--reason", required=True, callback=reason, help="Why; it is kept on record with your name.")
@_as_json
@with_appcontext
def skip(id: str, reason: str, as_json: bool) -> None:
    """Leave out the event that fails; its aggregate goes on with the next one."""
    letter = told(lambda: container().dead_letters.skip(id, reason, who()))
    if as_json:
        click.echo(json.dumps(failures.dead_letter(letter), indent=2))
    else:
        click.echo(f"{letter.event_type} at {letter.position} is skipped in {letter.projection}.")
