"""The sample, or some of its tenants, in a running service."""

from __future__ import annotations

from domain.postgres.pool import Pool
from domain.read.engine import SESSION
from domain.settings import Settings
from domain.write.postgres_store import PostgresEventStore
from tests.e2e.comparison import Tables, assert_read_models_are_the_fold, checkpoints
from tests.e2e.fleet import Fleet, wait_for
from web.sample.client import Client
from web.sample.loader import Loader, load
from web.sample.plan import USERS, WORKSPACES, sample
from web.tokens import make_token


def load_into(fleet: Fleet, tenants: int) -> None:
    """Send so many tenants of the sample, one after the other to the next web process of *fleet*, all at once."""
    settings = Settings.from_environment(fleet.environment)

    def token_for(user_id: str, tenant_id: str | None, role: str) -> str:
        return make_token(settings, user_id=user_id, tenant_id=tenant_id, roles={role}, seconds=3600)

    clients = [Client(url, 8) for url in fleet.urls]
    load(
        [
            Loader(clients[number % len(clients)], tenant, token_for, lambda: None)
            for number, tenant in enumerate(sample(1)[:tenants])
        ],
        8,
    )
    for client in clients:
        client.close()


def wait_until_caught_up(database_url: str) -> None:
    pool, write = Pool(database_url, settings=SESSION), Pool(database_url)
    heads = PostgresEventStore(write).heads()
    wait_for(lambda: all(each == heads for each in checkpoints(pool).values()), 30, "the read models to catch up")
    pool.close()
    write.close()


def assert_it_is_the_sample(database_url: str, tenants: int = 5) -> Tables:
    """Every row is what its events come to, and all of the sample's first *tenants* is there. Returns the rows."""
    wait_until_caught_up(database_url)
    tables = assert_read_models_are_the_fold(database_url)
    assert len(tables["user_projections"]) == tenants * USERS
    assert len(tables["workspace_projections"]) == tenants * WORKSPACES
    summaries = tables["tenant_summary_projections"]
    assert len(summaries) == tenants
    for (tenant,), summary in summaries.items():
        users = [user for user in tables["user_projections"].values() if user["tenant_id"] == tenant]
        workspaces = [each for each in tables["workspace_projections"].values() if each["tenant_id"] == tenant]
        assert summary["total_users"] == len(users)
        assert summary["active_users"] == sum(user["status"] == "active" for user in users)
        assert summary["total_workspaces"] == sum(each["status"] == "active" for each in workspaces)
        assert summary["plan_type"] == "enterprise"
    for (tenant, id), workspace in tables["workspace_projections"].items():
        members = [key for key in tables["workspace_member_projections"] if key[:2] == (tenant, id)]
        assert workspace["member_count"] == len(members)
    return tables
