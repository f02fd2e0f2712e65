"""``flask --app web audit``"""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext

from web import trail
from web.cli.answers import json_option, more, say, told
from web.cli.ids import Id, tenant_id
from web.cli.tables import table


@click.command()
@click.argument("tenant")
@click.option("--aggregate", type=Id(), help="Only this user, workspace or tenant.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", help="Go on where the last list ended.")
@json_option
@with_appcontext
def audit(tenant: str, aggregate: str | None, limit: int, cursor: str | None, as_json: bool) -> None:
    """Show who did what in TENANT, an id or a slug, the newest first."""
    found = told(lambda: trail.page(tenant_id(tenant), limit=limit, after=cursor, aggregate=aggregate))
    say(found, as_json, lambda: (_table(found) if found["entries"] else "There is nothing.") + more(found))


def _table(found: dict[str, Any]) -> str:
    names = ("occurred_at", "position", "event_type", "aggregate_id", "actor_id", "command", "correlation_id")
    rows = ([*(each[name] for name in names), ",".join(each["fields"])] for each in found["entries"])
    return table(("when", "at", "event", "of", "by", "command", "request", "fields"), rows, words=8)
