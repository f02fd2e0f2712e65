"""``flask --app web load-sample``"""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext

from domain.settings import Settings
from web.cli.answers import json_option, say, told
from web.cli.progress import progress
from web.commands import keyed_tenant_id
from web.context import container
from web.sample.client import Client, Refused
from web.sample.loader import LOADER, Loader, TokenFor, load
from web.sample.plan import SampleTenant, sample
from web.tokens import make_token

#: Long enough for any load.
TOKEN_SECONDS = 4 * 3600

#: What a tenant's summary counts.
_COUNTED = ("total_users", "total_workspaces")


@click.command("load-sample")
@click.option("--url", help="Where the service listens.  [default: http://127.0.0.1:$PORT]")
@click.option("--set", "number", type=click.IntRange(1, 999), default=1, show_default=True, help="Which five tenants.")
@click.option("--connections", type=click.IntRange(1, 64), default=8, show_default=True)
@click.option("--if-empty", is_flag=True, help="Only into a store without events, or on from where a load was cut off.")
@json_option
@with_appcontext
def load_sample(url: str | None, number: int, connections: int, if_empty: bool, as_json: bool) -> None:
    """Send 1,000 users in 5 tenants, with workspaces and members, to the service as commands.

    Each command has an Idempotency-Key, so that a load that was cut off can be run again within a day. Another set
    gives other tenants with other people.
    """
    settings, tenants = container().settings, sample(number)
    if if_empty and not told(lambda: _is_empty() or _is_unfinished(tenants)):
        say({"tenants": []}, as_json, lambda: "There is data already, so the sample is not loaded.")
        return
    client = Client(url or f"http://127.0.0.1:{settings.port}", connections)
    try:
        with progress("Loading the sample", sum(len(tenant.all_keys()) for tenant in tenants), quiet=as_json) as done:
            loaders = [Loader(client, tenant, _token_for(settings), done) for tenant in tenants]
            load(loaders, connections)
        summaries = [loader.wait_for_read_models() for loader in loaders]
        found = [
            {"tenant_id": loader.tenant_id, "slug": tenant.slug} | {name: summary[name] for name in _COUNTED}
            for loader, tenant, summary in zip(loaders, tenants, summaries, strict=True)
        ]
        say({"tenants": found}, as_json, lambda: _lines(found))
    except (Refused, ValueError) as error:
        raise click.ClickException(f"The sample is not loaded completely. {error}") from None
    finally:
        client.close()


def _lines(found: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"{each['slug']:22} {each['tenant_id']}  {each['total_users']:4} users  {each['total_workspaces']:3} workspaces"
        for each in found
    )


def _is_empty() -> bool:
    return not container().event_store.heads()


def _is_unfinished(tenants: list[SampleTenant]) -> bool:
    """Whether some of the commands have been carried out within the time that keys are kept, and some not."""
    asked = known = 0
    for tenant in tenants:
        tenant_id = keyed_tenant_id(LOADER, tenant.key(tenant.creation, tenant.creation.steps[0]))
        asked += len(tenant.all_keys())
        known += len(container().event_store.answered(tenant_id, tenant.all_keys()))
    return 0 < known < asked


def _token_for(settings: Settings) -> TokenFor:
    def token_for(user_id: str, tenant_id: str | None, role: str) -> str:
        return make_token(settings, user_id=user_id, tenant_id=tenant_id, roles={role}, seconds=TOKEN_SECONDS)

    return token_for
