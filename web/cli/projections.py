"""``flask --app web projections …``"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from domain.read.watch.health import Health
from web.context import container

#: What the table shows of each projection: the heading and the number's name in the status.
_COLUMNS = {
    "projection": "projection",
    "state": "state",
    "strategy": "strategy",
    "applied": "applied",
    "lag": "lag",
    "lag s": "lag_seconds",
    "events/s": "events_per_second",
    "errors": "errors",
    "retries": "retries",
    "parked": "parked",
    "dead": "dead",
}

#: How many of the columns hold words.
_WORDS = 3


@click.group()
def projections() -> None:
    """Look after the projections."""


@projections.command()
@click.option("--json", "as_json", is_flag=True, help="Print the whole status as JSON.")
@with_appcontext
def status(as_json: bool) -> None:
    """Show how each projection, the workers and the clock are."""
    monitor = container().monitor
    found = monitor.status()
    health = monitor.health(found)
    if as_json:
        click.echo(json.dumps({"status": health.verdict, "reasons": health.reasons, **found}, indent=2))
    else:
        click.echo("\n".join(_lines(found, health)))


def _lines(status: dict[str, Any], health: Health) -> Iterator[str]:
    yield from table([list(_COLUMNS), *([_cell(each[name]) for name in _COLUMNS.values()] for each in _all(status))])
    yield ""
    for each in _all(status):
        shards = ", ".join(
            f"{shard['shard']} ({shard['lag']:,} events, {shard['lag_seconds']:.1f} s)"
            for shard in each["slowest_shards"]
        )
        if shards:
            yield f"{each['projection']}: slowest shards {shards}"
        if verified := each["last_verification"]:
            yield (
                f"{each['projection']}: verified {verified['seconds_ago']:,.0f} s ago, "
                f"{verified['drifted']:,} of {verified['aggregates']:,} aggregates had drifted"
            )
    leader = status["clock"]["leader"]
    clock = f"{leader['host']}:{leader['pid']}" if leader else "none"
    yield f"workers alive: {len(status['workers'])}   clock: {clock}   {health.verdict}"
    yield from (f"- {reason}" for reason in health.reasons)
    for job in status["clock"]["jobs"]:
        if job["error"]:
            yield f"- job {job['job']}: {job['error']}"


def _all(status: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = status["projections"]
    return found


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if isinstance(value, float) else str(value)


def table(rows: list[list[str]], words: int = _WORDS) -> Iterator[str]:
    """Names to the left, numbers to the right of the first columns, which hold *words*."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = zip(row, widths, strict=True)
        yield "  ".join(
            cell.ljust(width) if place < words else cell.rjust(width) for place, (cell, width) in enumerate(cells)
        ).rstrip()
