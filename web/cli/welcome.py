"""``flask --app web welcome``"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import click
from flask.cli import with_appcontext

from domain.model.users.roles import ADMIN, SUPER_ADMIN, USER
from domain.settings import Settings
from web.cli.answers import json_option, say, told
from web.cli.residents import Resident, Residents, residents
from web.context import container
from web.tokens import make_token

HOURS = 24


@click.command()
@click.option("--url", help="Where the service listens.  [default: http://127.0.0.1:$PORT]")
@json_option
@with_appcontext
def welcome(url: str | None, as_json: bool) -> None:
    """Print the address, tokens of each role and calls to try, with a user that there is."""
    settings = container().settings
    address = (url or f"http://127.0.0.1:{settings.port}").rstrip("/")
    shown = told(lambda: residents(container().event_store)) if settings.jwt_secret is not None else None
    resident = shown and shown.user
    tokens = _tokens(settings, shown)
    found = {
        "url": address,
        "docs": f"{address}/docs",
        "admin": f"{address}/admin",
        "tokens": tokens,
        "resident": resident and resident._asdict(),
    }
    say(found, as_json, lambda: "\n".join(_lines(address, tokens, resident)))


def _tokens(settings: Settings, shown: Residents | None) -> dict[str, str]:
    """Return a token for each role that there can be one for: none where others own the keys."""
    if settings.jwt_secret is None:
        return {}
    # The user and the tenant of each role.
    holders: dict[str, tuple[str, str | None]] = {SUPER_ADMIN: (str(uuid4()), None)}
    if shown is not None:
        user, admin = shown
        holders = {USER: (user.user_id, user.tenant_id), ADMIN: (admin.user_id, admin.tenant_id), **holders}
    return {
        role: make_token(settings, user_id=user_id, tenant_id=tenant_id, roles={role}, seconds=HOURS * 3600)
        for role, (user_id, tenant_id) in holders.items()
    }


def _lines(address: str, tokens: dict[str, str], resident: Resident | None) -> Iterator[str]:
    yield f"\nThe service listens on {address}. Its documentation is at {address}/docs."
    yield f"Those who run it sign in at {address}/admin with the token of a super_admin.\n"
    if not tokens:
        yield "Tokens come from whoever owns the keys at JWT_JWKS_URL.\n"
    elif resident is None:
        yield f"There are no users yet. A token to begin with, good for {HOURS} hours:\n{tokens[SUPER_ADMIN]}\n"
    else:
        yield f"Tokens, good for {HOURS} hours:\n"
        yield from (f"{role}\n{token}\n" for role, token in tokens.items())
        yield "Try them:\n"
        for path in (
            f"users/{resident.user_id}",
            f"users/tenant/{resident.tenant_id}?limit=3",
            f"tenants/{resident.tenant_id}/dashboard",
        ):
            yield f"curl -H 'Authorization: Bearer {tokens[USER]}' '{address}/api/v1/{path}'\n"
