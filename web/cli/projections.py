"""``flask --app web projections …``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from web.cli.answers import json_option, say, told
from web.cli.tables import chosen
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


@click.group()
def projections() -> None:
    """Look after the projections."""


@projections.command()
@json_option
@with_appcontext
def status(as_json: bool) -> None:
    """Show how each projection, the workers and the clock are."""
    found = told(_status)
    say(found, as_json, lambda: "\n".join(_lines(found)))


def _status() -> dict[str, Any]:
    monitor = container().monitor
    found = monitor.status()
    health = monitor.health(found)
    return {"status": health.verdict, "reasons": health.reasons, **found}


def _lines(status: dict[str, Any]) -> Iterator[str]:
    yield chosen(_COLUMNS, status["projections"], words=3)
    yield ""
    for each in status["projections"]:
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
    yield f"workers alive: {len(status['workers'])}   clock: {clock}   {status['status']}"
    yield from (f"- {reason}" for reason in status["reasons"])
    for job in status["clock"]["jobs"]:
        if job["error"]:
            yield f"- job {job['job']}: {job['error']}"
