"""``flask --app web welcome``"""

from __future__ import annotations

from typing import NamedTuple
from uuid import uuid4

import click
from flask.cli import with_appcontext

from domain.model.event_log import EventLog
from domain.model.users.roles import ADMIN, SUPER_ADMIN, USER
from web.context import container
from web.tokens import make_token

#: How far into a shard to look for somebody to show.
EVENTS = 1000

HOURS = 24


class Resident(NamedTuple):
    """A user, and the tenant it belongs to."""

    tenant_id: str
    user_id: str


@click.command()
@click.option("--url", help="Where the service listens.  [default: http://127.0.0.1:$PORT]")
@with_appcontext
def welcome(url: str | None) -> None:
    """Print the address, tokens of each role and calls to try, with a user that there is."""
    settings = container().settings
    address = (url or f"http://127.0.0.1:{settings.port}").rstrip("/")
    click.echo(f"\nThe service listens on {address}. Its documentation is at {address}/docs.\n")
    if settings.jwt_secret is None:
        click.echo("Tokens come from whoever owns the keys at JWT_JWKS_URL.\n")
        return
    resident = _resident(container().event_store)

    def token_for(role: str) -> str:
        tenant_id = None if role == SUPER_ADMIN or resident is None else resident.tenant_id
        user_id = str(uuid4()) if role != USER or resident is None else resident.user_id
        return make_token(settings, user_id=user_id, tenant_id=tenant_id, roles={role}, seconds=HOURS * 3600)

    if resident is None:
        click.echo(
            f"There are no users yet. A token to begin with, good for {HOURS} hours:\n{token_for(SUPER_ADMIN)}\n"
        )
        return
    tokens = {role: token_for(role) for role in (USER, ADMIN, SUPER_ADMIN)}
    click.echo(f"Tokens, good for {HOURS} hours:\n")
    for role, token in tokens.items():
        click.echo(f"{role}\n{token}\n")
    click.echo("Try them:\n")
    for path in (
        f"users/{resident.user_id}",
        f"users/tenant/{resident.tenant_id}?limit=3",
        f"tenants/{resident.tenant_id}/dashboard",
    ):
        click.echo(f"curl -H 'Authorization: Bearer {tokens[USER]}' '{address}/api/v1/{path}'\n")


def _resident(log: EventLog) -> Resident | None:
    """Return a user who was activated, else any who was registered, of the first tenant that has one."""
    for shard in sorted(log.heads()):
        found: dict[str, Resident] = {}
        for event in log.read(shard, 0, EVENTS):
            if event.event_type in ("user.registered", "user.activated"):
                found.setdefault(event.event_type, Resident(event.tenant_id, event.aggregate_id))
        if found:
            return found.get("user.activated") or found["user.registered"]
    return None
