"""``flask --app web dead-letters …``"""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from flask.cli import with_appcontext

from web import failures, operations
from web.cli.answers import FAILED, acting, json_option, more, reason, say, told
from web.cli.tables import cell, chosen
from web.context import container

#: What the tables show of each: the heading and the name in the JSON.
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
_SKIPPED = {
    "skipped": "skipped_at",
    "by": "skipped_by",
    "projection": "projection",
    "event": "event_type",
    "at": "position",
    "error": "error_class",
    "reason": "reason",
}

#: Said where what was asked for is not there, although other things may stand still.
NOTHING_FITS = "Nothing fits."


@click.group("dead-letters")
def dead_letters() -> None:
    """Look after events that can't be folded."""


@dead_letters.command("list")
@click.option("--state", type=click.Choice(["parked", "dead"]), help="Only those that are tried again, or are not.")
@click.option("--skipped", is_flag=True, help="Instead the events that were left out on somebody's word.")
@click.option("--projection", help="Only those of one projection.")
@click.option("--error-class", help="Only those that failed with one class of error.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", help="Go on where the last list ended.")
@json_option
@with_appcontext
def list_(as_json: bool, skipped: bool, state: Any, **asked: Any) -> None:
    """List the aggregates that stand still, newest first."""
    narrowed = any((state, asked["projection"], asked["error_class"]))
    if skipped:
        if state is not None:
            raise click.UsageError("--state does not go with --skipped.")
        found = told(lambda: failures.skips(**asked))
        _list(found, "skipped_events", _SKIPPED, NOTHING_FITS if narrowed else "Nothing was skipped.", as_json)
    else:
        found = told(lambda: failures.page(state=state, **asked))
        _list(found, "dead_letters", _COLUMNS, NOTHING_FITS if narrowed else "Nothing stands still.", as_json)


def _list(found: dict[str, Any], name: str, columns: dict[str, str], nothing: str, as_json: bool) -> None:
    say(found, as_json, lambda: (chosen(columns, found[name], words=5) if found[name] else nothing) + more(found))


@dead_letters.command()
@click.argument("id")
@json_option
@with_appcontext
def show(id: str, as_json: bool) -> None:
    """Show the event that fails, the error, and what waits behind it."""
    found = failures.inspection(told(lambda: container().dead_letters.show(id)))
    say(found, as_json, lambda: _words(found))


def _words(found: dict[str, Any]) -> str:
    apart = ("event", "waiting_events", "error_trace", "more_waiting")
    lines = [f"{name.replace('_', ' ')}: {cell(value)}" for name, value in found.items() if name not in apart]
    lines += ["", found["error_trace"], "", json.dumps(found["event"], indent=2), ""]
    lines.append(f"waiting behind it: {len(found['waiting_events'])}{' and more' if found['more_waiting'] else ''}")
    return "\n".join([*lines, *(f"  {each['position']}  {each['event_type']}" for each in found["waiting_events"])])


@dead_letters.command()
@click.argument("id", required=False)
@click.option("--error-class", help="All that failed with this class of error, instead of one.")
@click.option("--projection", help="With --error-class: only those of one projection.")
@json_option
@with_appcontext
def retry(id: str | None, error_class: str | None, projection: str | None, as_json: bool) -> None:
    """Try again at once: one, or all of a class of errors.

    Ends with status 1 where there is none.
    """
    if (id is None) == (error_class is None):
        raise click.UsageError("Name either one ID or an --error-class.")
    if projection is not None and error_class is None:
        raise click.UsageError("--projection goes with --error-class.")
    retried, waiting = acting(lambda: _retry(id, error_class, projection))
    words = f"{retried:,} will be tried again {waiting or 'at once'}." if retried else NOTHING_FITS
    say({"retried": retried}, as_json, lambda: words)
    if not retried:
        sys.exit(FAILED)


def _retry(id: str | None, error_class: str | None, projection: str | None) -> tuple[int, str]:
    letters = [operations.retry(str(id))] if error_class is None else operations.retry_class(error_class, projection)
    return len(letters), failures.waiting(letters)


@dead_letters.command()
@click.argument("id")
@click.option("--reason", required=True, callback=reason, help="Why; it is kept on record with your name.")
@json_option
@with_appcontext
def skip(id: str, reason: str, as_json: bool) -> None:
    """Leave out the event that fails; its aggregate goes on with the next one."""
    letter = acting(lambda: operations.skip(id, reason))
    words = f"{letter.event_type} at {letter.position} is skipped in {letter.projection}."
    say(failures.dead_letter(letter), as_json, lambda: words)
