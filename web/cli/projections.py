"""``flask --app web projections …``"""

from __future__ import annotations

import json
from typing import Any

import click
from flask.cli import with_appcontext

from web.context import container

_COLUMNS = ("projection", "state", "applied", "lag", "shards_behind")


@click.group()
def projections() -> None:
    """Look after the projections."""


@projections.command()
@click.option("--json", "as_json", is_flag=True, help="Print the whole status as JSON.")
@with_appcontext
def status(as_json: bool) -> None:
    """Show what each projection has applied and how far it is behind."""
    states = container().engine.status()
    if as_json:
        click.echo(json.dumps({"projections": states}, indent=2))
    else:
        click.echo(_table(states))


def _table(states: list[dict[str, Any]]) -> str:
    rows = [[column.replace("_", " ") for column in _COLUMNS]]
    rows += [[f"{value:,}" if isinstance(value, int) else str(value) for value in _values(each)] for each in states]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    # Names to the left, numbers to the right.
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _values(state: dict[str, Any]) -> list[Any]:
    return [state[column] for column in _COLUMNS]
