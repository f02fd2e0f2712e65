"""``flask --app web projections rebuild, cancel, way-back, compare``"""

from __future__ import annotations

import getpass
import json
import sys
import time
from contextlib import nullcontext
from threading import Event, Thread
from typing import Any

import click
from flask.cli import with_appcontext

from domain.read.errors import is_transient
from domain.read.rebuild.rebuilder import Rebuilder
from web.cli.answers import cells, json_option, told
from web.cli.projections import projections, table
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
        progress = told(lambda: _watch(rebuilder, name, quiet=True)) if as_json else _watch(rebuilder, name)
    _show(progress, as_json)
    if progress["state"] == "failed":
        sys.exit(1)


def _begin(rebuilder: Rebuilder, name: str, compare: bool, no_cut_over: bool, watch: bool) -> dict[str, Any]:
    if watch and name in rebuilder.running():
        return rebuilder.progress(name)
    return rebuilder.start(name, compare=compare, cut_over=not no_cut_over, by=getpass.getuser())


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
    _show(told(lambda: container().rebuilder.way_back(name, by=getpass.getuser())), as_json)


@projections.command()
@click.argument("name")
@json_option
@with_appcontext
def compare(name: str, as_json: bool) -> None:
    """Compare the live rows of NAME with those from before its last rebuild."""
    found = told(lambda: container().rebuilder.compare(name))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"{found['shards']} of 256 shards stand alike and were compared; {found['different']:,} rows differ.")
    click.echo("\n".join(_comparison(found)))


def _watch(rebuilder: Rebuilder, name: str, *, quiet: bool = False) -> dict[str, Any]:
    """Drive the rebuild on, together with whoever else does, and show how far it is."""
    stop = Event()
    hands = [Thread(target=_lend_a_hand, args=(rebuilder, name, stop), daemon=True) for _ in range(HANDS)]
    for hand in hands:
        hand.start()
    progress = rebuilder.progress(name)
    terminal = sys.stdout.isatty() and not quiet
    bar: Any = (
        click.progressbar(length=max(1, progress["events"]), label=f"Rebuilding {name}", show_pos=True)
        if terminal
        else nullcontext()
    )
    try:
        with bar as shown:
            last = ""
            while progress["running"]:
                time.sleep(0.2)
                progress = rebuilder.progress(name)
                if shown is not None:
                    shown.length = max(1, progress["events"])
                    shown.label = f"Rebuilding {name}: {progress['state']}, {progress['events_per_second']:,} events/s"
                    shown.update(progress["folded"] - shown.pos)
                elif not quiet and progress["state"] != last:
                    last = progress["state"]
                    click.echo(f"{name}: {last}, {progress['folded']:,} of {progress['events']:,} events")
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
    if as_json:
        click.echo(json.dumps(progress, indent=2))
        return
    what = "The way back" if progress["kind"] == "way_back" else "The rebuild"
    click.echo(f"{what} of {progress['projection']}: {progress['state']} after {progress['seconds']:,.1f} s")
    if progress["kind"] == "rebuild":
        click.echo(
            f"{progress['folded']:,} of {progress['events']:,} events, {progress['events_per_second']:,} a second, "
            f"{progress['parked']:,} aggregates parked"
        )
    if progress["error"]:
        click.echo(progress["error"])
    if progress["comparison"]:
        click.echo("\n".join(_comparison(progress["comparison"])))
    if progress["way_back"] and progress["state"] == "done":
        click.echo(f"flask --app web projections way-back {progress['projection']} undoes it.")


def _comparison(found: dict[str, Any]) -> list[str]:
    columns = ("rows", "rows_live", "missing", "extra", "changed")
    rows = [["table", *(column.replace("_", " ") for column in columns)]]
    rows += [[name, *cells(each, columns)] for name, each in found["tables"].items()]
    return list(table(rows))
