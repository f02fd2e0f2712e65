"""``flask --app web projections repair, verify``"""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from flask.cli import with_appcontext

from web.cli.answers import cells, json_option, told
from web.cli.projections import projections, table
from web.context import container
from web.ids import canonical


class Id(click.ParamType):
    name = "uuid"

    def convert(self, value: Any, _param: Any, _ctx: Any) -> str:
        return canonical(str(value)) or self.fail("a UUID is needed")


@projections.command()
@click.argument("name")
@click.argument("tenant_id", type=Id())
@click.argument("aggregate_id", type=Id())
@json_option
@with_appcontext
def repair(name: str, tenant_id: str, aggregate_id: str, as_json: bool) -> None:
    """Fold the events of one aggregate again and put its rows in the projection NAME right."""
    report = told(lambda: container().repair.repair(name, tenant_id, aggregate_id))
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    click.echo(f"{report['rows']:,} rows were compared with the events up to {report['position']}.")
    click.echo(f"{report['repaired']:,} of them had to be put right." if report["repaired"] else "All were right.")
    click.echo("\n".join(_differences(report["differences"])), nl=bool(report["differences"]))


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
    found = told(lambda: _whole(names, quiet=as_json) if whole else verifier.sample(sample, names))
    if as_json:
        click.echo(json.dumps({"verifications": found}, indent=2))
    else:
        columns = ("projection", "aggregates", "rows", "drifted", "drifted_ever")
        click.echo("\n".join(table([[c.replace("_", " ") for c in columns], *(cells(f, columns) for f in found)])))
        click.echo("\n".join(line for each in found for line in _differences(each["examples"])), nl=False)
    if any(each["drifted"] for each in found):
        sys.exit(1)


def _whole(names: tuple[str, ...], quiet: bool) -> list[dict[str, Any]]:
    verifier = container().verifier
    found = []
    for name in names or [each["projection"] for each in container().monitor.status()["projections"]]:
        bar: list[Any] = []

        def on_progress(parts: int, name: str = name, bar: list[Any] = bar) -> None:
            if quiet or not sys.stdout.isatty():
                return
            if not bar:
                bar.append(click.progressbar(length=parts, label=f"Verifying {name}"))
            bar[0].update(1)

        found += verifier.all([name], on_progress)
        if bar:
            bar[0].render_finish()
    return found


def _differences(found: list[dict[str, Any]]) -> list[str]:
    return [
        f"- {each['kind']} row of {each['table']}: {' '.join(map(str, each['key'].values()))}"
        + (f" ({', '.join(each['columns'])})" if each["columns"] else "")
        for each in found
    ]
