"""``flask --app web token``"""

from __future__ import annotations

from uuid import uuid4

import click
from flask.cli import with_appcontext

from domain.model.users.roles import ROLES, SUPER_ADMIN, USER
from web.cli.answers import json_option, say
from web.context import container
from web.ids import canonical
from web.tokens import make_token


@click.command()
@click.option("--role", type=click.Choice(ROLES), default=USER, show_default=True, help="What the holder may do.")
@click.option("--tenant", help="The tenant's id; only a super_admin does without.")
@click.option("--user", help="The user's id. Without one the holder is nobody in particular.")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), default=24, show_default=True)
@json_option
@with_appcontext
def token(role: str, tenant: str | None, user: str | None, hours: float, as_json: bool) -> None:
    """Print a token, signed with JWT_SECRET."""
    if tenant is None and role != SUPER_ADMIN:
        raise click.UsageError(f"--tenant is needed: only a {SUPER_ADMIN} belongs to none.")
    if tenant is not None and canonical(tenant) is None:
        raise click.UsageError("--tenant has to be a UUID.")
    user = user or str(uuid4())
    try:
        made = make_token(
            container().settings,
            user_id=user,
            tenant_id=tenant,
            roles={role},
            seconds=hours * 3600,
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    told = {"token": made, "user_id": user, "tenant_id": tenant, "role": role, "seconds": hours * 3600}
    say(told, as_json, lambda: made)
