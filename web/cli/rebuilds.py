"""``flask --app web projections rebuild, cancel, way-back, compare``"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import click
import redis
from flask.cli import with_appcontext

from domain.read.errors import is_transient
from domain.read.rebuild.rebuilder import Rebuilder
from domain.read.rebuild.start_over import StartedOver
from web.cli.answers import FAILED, Unreachable, json_option, say, told, who
from web.cli.progress import counted
from web.cli.projections import projections
from web.cli.tables import table
from web.context import container

#: Threads that lend a hand to a rebuild that is watched: while one folds, PostgreSQL works for the other.
HANDS = 2


@projections.command()
@click.argument("name")
@click.option("--compare", is_flag=True, help="Compare all rows with the live ones before the cut-over.")
@click.option("--no-cut-over", is_flag=True, help="Only compare; the live rows stay.")
@click.option("--watch", is_flag=True, help="Lend a hand and show how far it is, until it has ended.")
@json_option
@with_appcontext
def rebuild(name: str, compare: bool, no_cut_over: bool, watch: bool, as_json: bool) -> None:
    """Rebuild the projection NAME from its events while it goes on to be read.

    The workers do it. With --watch this process works too, so that it needs no worker; it may be interrupted, and run
    again with --watch alone to see the rest.
    """
    rebuilder = container().rebuilder
    progress = told(lambda: _begin(rebuilder, name, compare, no_cut_over, watch))
    if watch:
        progress = _watch(rebuilder, name, quiet=as_json)
    _show(progress, as_json)
    if progress["state"] == "failed":
        sys.exit(FAILED)


def _begin(rebuilder: Rebuilder, name: str, compare: bool, no_cut_over: bool, watch: bool) -> dict[str, Any]:
    if watch and name in rebuilder.running():
        return rebuilder.progress(name)
    return rebuilder.start(name, compare=compare, cut_over=not no_cut_over, by=who())


@projections.command()
@click.argument("name")
@json_option
@with_appcontext
def progress(name: str, as_json: bool) -> None:
    """Show how far the latest rebuild of the projection NAME is, or how it ended."""
    _show(told(lambda: container().rebuilder.progress(name)), as_json)


@projections.command()
@click.argument("name")
@json_option
@with_appcontext
def cancel(name: str, as_json: bool) -> None:
    """Call the running rebuild of the projection NAME off."""
    _show(told(lambda: container().rebuilder.cancel(name)), as_json)


@projections.command("way-back")
@click.argument("name")
@json_option
@with_appcontext
def way_back(name: str, as_json: bool) -> None:
    """Put the rows of NAME from before its last rebuild back at once; they catch up from where they stood."""
    _show(told(lambda: container().rebuilder.way_back(name, by=who())), as_json)


@projections.command()
@click.argument("name")
@json_option
@with_appcontext
def compare(name: str, as_json: bool) -> None:
    """Compare the live rows of NAME with those from before its last rebuild.

    Ends with status 1 where rows differ.
    """
    found = told(lambda: container().rebuilder.compare(name))
    words = f"{found['shards']} of 256 shards stand alike and were compared; {found['different']:,} rows differ."
    say(found, as_json, lambda: f"{words}\n{_comparison(found)}")
    if found["different"]:
        sys.exit(FAILED)


@projections.command("start-over")
@click.option("--yes", is_flag=True, help="Don't ask.")
@json_option
@with_appcontext
def start_over(yes: bool, as_json: bool) -> None:
    """Make all read models anew from the events that are there, after the event store was restored.

    All rows go, and the workers fold all events again, while the service goes on: until then answers lack what has not
    been folded yet. To make a projection anew from the events it was made from, use rebuild, which shows no gap.
    """
    if not yes:
        click.confirm("All rows of all read models go, and are made anew from the events. Go on?", abort=True, err=True)
    done = told(_start_over)
    container().wake(done.shards)
    say(
        {**done._asdict(), "shards": len(done.shards)},
        as_json,
        lambda: "\n".join(
            [
                f"{done.events:,} events on {len(done.shards)} shards are folded again by the workers.",
                f"{done.skips_dropped:,} skips were about events that are not there any more.",
                *(
                    f"{name} is paused, and has no rows until it goes on: flask --app web projections resume {name}"
                    for name in done.paused
                ),
                "How far they are: flask --app web projections status",
            ]
        ),
    )


def _start_over() -> StartedOver:
    try:
        return container().start_over.start_over()
    except redis.RedisError as error:
        raise Unreachable(
            f"The read models are being made anew, but the cache's Redis can't be told ({type(error).__name__}). Until "
            "it is, answers may come from the former rows: flask --app web cache invalidate --tag '*'"
        ) from None


def _watch(rebuilder: Rebuilder, name: str, *, quiet: bool = False) -> dict[str, Any]:
    """Drive the rebuild on, together with whoever else does, and show how far it is."""
    stop = Event()
    hands = [Thread(target=_lend_a_hand, args=(rebuilder, name, stop), daemon=True) for _ in range(HANDS)]
    for hand in hands:
        hand.start()
    progress = told(lambda: rebuilder.progress(name))
    try:
        with counted(f"Rebuilding {name}", quiet=quiet) as show:
            while progress["running"]:
                time.sleep(0.2)
                progress = told(lambda: rebuilder.progress(name))
                show(progress["folded"], progress["events"], progress["state"])
    finally:
        stop.set()
    for hand in hands:
        hand.join(5)
    return progress


def _lend_a_hand(rebuilder: Rebuilder, name: str, stop: Event) -> None:
    while not stop.is_set():
        try:
            if not rebuilder.drive(name, seconds=0.5):
                return
        except Exception as error:
            if not is_transient(error):
                raise
            time.sleep(0.5)


def _show(progress: dict[str, Any], as_json: bool) -> None:
    say(progress, as_json, lambda: "\n".join(_lines(progress)))


def _lines(progress: dict[str, Any]) -> Iterator[str]:
    what = "The way back" if progress["kind"] == "way_back" else "The rebuild"
    yield f"{what} of {progress['projection']}: {progress['state']} after {progress['seconds']:,.1f} s"
    if progress["kind"] == "rebuild":
        yield (
            f"{progress['folded']:,} of {progress['events']:,} events, {progress['events_per_second']:,} a second, "
            f"{progress['parked']:,} aggregates parked"
        )
    if progress["error"]:
        yield progress["error"]
    if progress["comparison"]:
        yield _comparison(progress["comparison"])
    if progress["way_back"] and progress["state"] == "done":
        yield f"flask --app web projections way-back {progress['projection']} undoes it."


def _comparison(found: dict[str, Any]) -> str:
    columns = ("rows", "rows_live", "missing", "extra", "changed")
    rows = ([name, *(each[column] for column in columns)] for name, each in found["tables"].items())
    return table(["table", *(column.replace("_", " ") for column in columns)], rows)
