"""What is asked in a measurement: the eight queries, about all that a directory holds, with tokens of its users."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import psycopg2

from domain.settings import Settings
from tests.performance.sent import Sent
from web.tokens import make_token

#: Tokens of each tenant among which its questions are shared out.
TOKENS = 20

#: The queries by the names of the requirements' table, which has the first four.
TABLE = ("single user", "tenant users", "workspace details", "dashboard")
QUERIES = (*TABLE, "own profile", "tenant workspaces", "workspace members", "tenant summary")


@dataclass
class Contents:
    """The ids of what is in a directory, by tenant, and tokens of users."""

    users: dict[str, list[str]] = field(default_factory=dict)
    active: dict[str, list[str]] = field(default_factory=dict)
    workspaces: dict[str, list[str]] = field(default_factory=dict)
    tokens: dict[str, list[str]] = field(default_factory=dict)
    admins: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, database_url: str, settings: Settings, *, tenants: int | None = None, tokens: int = TOKENS) -> Contents:
        """Read them from the read models, of the first *tenants* only where that many are said."""
        found = cls()
        connection = psycopg2.connect(database_url)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.engine', 'on', true)")
            cursor.execute(
                "SELECT tenant_id::text FROM read_schema.tenant_summary_projections WHERE event_version > 0 "
                "ORDER BY 1 LIMIT %s",
                (tenants,),
            )
            names = [tenant for (tenant,) in cursor.fetchall()]
            for tenant in names:
                cursor.execute(
                    "SELECT user_id::text, status FROM read_schema.user_projections WHERE tenant_id = %s ORDER BY 1",
                    (tenant,),
                )
                rows = cursor.fetchall()
                found.users[tenant] = [user for user, _ in rows]
                found.active[tenant] = [user for user, status in rows if status == "active"]
                cursor.execute(
                    "SELECT workspace_id::text FROM read_schema.workspace_projections "
                    "WHERE tenant_id = %s AND status = 'active' ORDER BY 1",
                    (tenant,),
                )
                found.workspaces[tenant] = [workspace for (workspace,) in cursor.fetchall()]
        connection.close()
        for tenant, active in found.active.items():
            found.tokens[tenant] = [_token(settings, tenant, user, "user") for user in active[:tokens]]
            found.admins[tenant] = _token(settings, tenant, active[0], "admin")
        return found

    def of_tenants(self, tenants: Iterable[str]) -> Contents:
        """The part of it that belongs to *tenants*."""
        chosen = set(tenants)
        return Contents(
            *({tenant: all[tenant] for tenant in all if tenant in chosen} for all in vars(self).values())  # type: ignore[arg-type]
        )

    def ask(self, query: str, *, once: bool = False) -> list[Sent]:
        """All requests for *query*, of one tenant after the other in turn; *once*: each path with one token only."""
        each = [_PATHS[query](self, tenant) for tenant in self.users]
        mixed = itertools.chain.from_iterable(itertools.zip_longest(*each))
        asked = [sent for sent in mixed if sent is not None]
        # The profile's path is the same for all, and its token says whose it is.
        return (
            list({sent.token if "/profile" in sent.path else sent.path: sent for sent in asked}.values())
            if once
            else asked
        )

    def changes(self, users: list[tuple[str, str]]) -> list[Sent]:
        """Commands that give *users*, each with its tenant, another name."""
        body = '{"last_name": "Lovelace {n}"}'
        return [Sent("PATCH", f"/api/v1/users/{user}", self.admins[tenant], body) for tenant, user in users]


def _token(settings: Settings, tenant: str, user: str, role: str) -> str:
    return make_token(settings, user_id=user, tenant_id=tenant, roles={role}, seconds=86_400)


def _each(paths: Callable[[Contents, str], Iterator[str]]) -> Callable[[Contents, str], Iterator[Sent]]:
    """Ask each path once, with the tenant's tokens in turn."""

    def sent(contents: Contents, tenant: str) -> Iterator[Sent]:
        for path, token in zip(paths(contents, tenant), itertools.cycle(contents.tokens[tenant])):
            yield Sent("GET", f"/api/v1{path}", token)

    return sent


def _all_tokens(path: str) -> Callable[[Contents, str], Iterator[Sent]]:
    """Ask one path with each of the tenant's tokens."""

    def sent(contents: Contents, tenant: str) -> Iterator[Sent]:
        for token in contents.tokens[tenant]:
            yield Sent("GET", f"/api/v1{path.format(tenant=tenant)}", token)

    return sent


_PATHS: dict[str, Callable[[Contents, str], Iterator[Sent]]] = {
    "single user": _each(lambda contents, tenant: (f"/users/{user}" for user in contents.users[tenant])),
    "tenant users": _all_tokens("/users/tenant/{tenant}"),
    "workspace details": _each(lambda contents, tenant: (f"/workspaces/{id}" for id in contents.workspaces[tenant])),
    "dashboard": _all_tokens("/tenants/{tenant}/dashboard"),
    "own profile": _all_tokens("/users/profile"),
    "tenant workspaces": _all_tokens("/workspaces/tenant/{tenant}"),
    "workspace members": _each(
        lambda contents, tenant: (f"/workspaces/{id}/members" for id in contents.workspaces[tenant])
    ),
    "tenant summary": _all_tokens("/tenants/{tenant}/summary"),
}
