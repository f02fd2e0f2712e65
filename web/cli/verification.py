"""``flask --app web projections repair, verify``"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click
from flask.cli import with_appcontext

from domain.read.projections import PROJECTIONS
from web.cli.answers import FAILED, json_option, say, told
from web.cli.ids import Id, tenant_id
from web.cli.progress import Show, counted
from web.cli.projections import projections
from web.cli.tables import table
from web.context import container


@projections.command()
@click.argument("name")
@click.argument("tenant")
@click.argument("aggregate_id", type=Id())
@json_option
@with_appcontext
def repair(name: str, tenant: str, aggregate_id: str, as_json: bool) -> None:
    """Fold the events of one aggregate of TENANT, an id or a slug, again, and put its rows in NAME right."""
    report = told(lambda: container().repair.repair(name, tenant_id(tenant), aggregate_id))
    lines = [
        f"{report['rows']:,} rows were compared with the events up to {report['position']}.",
        f"{report['repaired']:,} of them had to be put right." if report["repaired"] else "All were right.",
        *_differences(report["differences"]),
    ]
    say(report, as_json, lambda: "\n".join(lines))


@projections.command()
@click.argument("names", nargs=-1)
@click.option("--all", "whole", is_flag=True, help="Every row, shard by shard.")
@click.option("--sample", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many aggregates.")
@json_option
@with_appcontext
def verify(names: tuple[str, ...], whole: bool, sample: int, as_json: bool) -> None:
    """Fold events again and compare the result with the rows of the projections NAMES, or of all.

    Ends with status 1 where rows have drifted.
    """
    verifier = container().verifier
    found = _whole(names, quiet=as_json) if whole else told(lambda: verifier.sample(sample, names))
    say({"verifications": found}, as_json, lambda: _words(found))
    if any(each["drifted"] for each in found):
        sys.exit(FAILED)


def _words(found: list[dict[str, Any]]) -> str:
    columns = ("projection", "aggregates", "rows", "drifted", "drifted_ever")
    rows = ([each[column] for column in columns] for each in found)
    drifted = [line for each in found for line in _differences(each["examples"])]
    return "\n".join([table([column.replace("_", " ") for column in columns], rows), *drifted])


def _whole(names: tuple[str, ...], quiet: bool) -> list[dict[str, Any]]:
    found = []
    for name in names or [each.name for each in PROJECTIONS]:
        with counted(f"Verifying {name}", quiet=quiet) as show:
            done = 0

            def on_progress(parts: int, show: Show = show) -> None:
                nonlocal done
                done += 1
                show(done, parts)

            found += told(partial(container().verifier.all, [name], on_progress))
    return found


def _differences(found: list[dict[str, Any]]) -> list[str]:
    return [
        f"- {each['kind']} row of {each['table']}: {' '.join(map(str, each['key'].values()))}"
        + (f" ({', '.join(each['columns'])})" if each["columns"] else "")
        for each in found
    ]
