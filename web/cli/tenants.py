"""``flask --app web tenants``"""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext

from domain.model.position import shard_of
from domain.read.tenants import TenantPage
from web.cli.answers import json_option, more, say, told
from web.cli.tables import table
from web.context import container

_HEADINGS = ("tenant", "slug", "plan", "name", "users", "active", "workspaces", "members", "shard")


@click.command()
@click.option("--search", help="Only those with this in their name or slug.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", help="Go on where the last list ended.")
@json_option
@with_appcontext
def tenants(search: str | None, limit: int, cursor: str | None, as_json: bool) -> None:
    """List the tenants with what they have, the largest first."""
    page = told(lambda: container().tenants.page(search=search, limit=limit, cursor=cursor))
    found = as_values(page)
    say(found, as_json, lambda: (_table(found) if page.tenants else "There is none.") + more(found))


def as_values(page: TenantPage) -> dict[str, Any]:
    """Return *page* as JSON values."""
    listed = [
        {**each._asdict(), "created_at": each.created_at.isoformat(), "shard": shard_of(each.tenant_id)}
        for each in page.tenants
    ]
    return {"tenants": listed, "next_cursor": page.next_cursor}


def _table(found: dict[str, Any]) -> str:
    return table(
        _HEADINGS,
        (
            [
                *(each[name] for name in ("tenant_id", "slug", "plan_type", "name")),
                f"{each['users']:,}/{each['quota_users']:,}",
                each["active_users"],
                f"{each['workspaces']:,}/{each['quota_workspaces']:,}",
                each["members"],
                each["shard"],
            ]
            for each in found["tenants"]
        ),
        words=4,
    )
