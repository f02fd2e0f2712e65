"""The queries. Each is one statement: rows and position come from one snapshot, and PostgreSQL makes the JSON.

A session plans each of them once. Planning takes three times as long as running most of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from domain.model.position import Position, shard_of
from domain.postgres.pool import Pool
from domain.postgres.prepared import Prepared
from domain.postgres.statements import statements
from domain.read import cursor as cursors

#: The projections that each query reads.
QUERY_PROJECTIONS: Mapping[str, tuple[str, ...]] = {
    "user": ("users",),
    "users_of_tenant": ("users", "tenant_summaries"),
    "workspace": ("workspaces", "users"),
    "workspaces_of_tenant": ("workspaces", "tenant_summaries"),
    "workspace_members": ("workspaces", "users"),
    "tenant_summary": ("tenant_summaries",),
    "dashboard": ("tenant_summaries", "users", "workspaces"),
}

#: What the sessions of the queries need of PostgreSQL; for the settings of their pool.
SESSION: Mapping[str, str] = {
    "timezone": "UTC",
    # The rows lie in memory or on an SSD, where the next one is no nearer than any other.
    "random_page_cost": "1.1",
    "default_transaction_read_only": "on",
    "statement_timeout": "5s",
    # Compiling a query takes longer than any of these runs.
    "jit": "off",
    # No value changes which index is the right one. What was planned while a table was small has to do when it is not.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
}

#: How many members come with a workspace, and how many users and workspaces with a dashboard.
_FIRST_MEMBERS = 100
_RECENT = 10

#: Past the last place that a shard can have.
_END = 2**63 - 1

_PARTS = (
    "position",
    "items",
    "pagination",
    "user_fields",
    "workspace_fields",
    "member_fields",
    "member_user",
    "summary_fields",
)


class Reading(NamedTuple):
    """What was read at *position*: *body* is JSON, or None where there is no such thing, or it is another tenant's."""

    body: bytes | None
    position: Position


class Queries:
    """Questions about one tenant."""

    def __init__(self, pool: Pool) -> None:
        """The sessions of *pool* need the settings SESSION."""
        self._pool = pool

    def read(self, query: str, tenant_id: str, **arguments: Any) -> Reading:
        """Ask the *query*, a name in QUERY_PROJECTIONS.

        A thing is named by ``user_id`` or ``workspace_id``. Users and workspaces of a tenant come newest first, members
        oldest first, with ``limit`` and ``offset``; a ``cursor`` comes from an earlier answer and takes the place of
        ``offset``. Of users ``active_only`` may be asked for. May raise Invalid.
        """
        statement, values = asked(query, tenant_id, **arguments)
        with self._pool.cursor() as cursor:
            statement.run(cursor, values)
            position, body = cursor.fetchone() or (0, None)
        return Reading(None if body is None else body.encode(), Position(values["shard"], position))


def _page(list: str, start: int, **also: Any) -> Callable[..., dict[str, Any]]:
    def values(limit: int = 50, offset: int = 0, cursor: str | None = None, **arguments: Any) -> dict[str, Any]:
        page = {"list": list, "beyond": start, "limit": limit, "offset": offset}
        if cursor is not None:
            page |= {"beyond": cursors.decode(list, cursor), "offset": 0}
        return also | arguments | page

    return values


#: From each query's arguments to the values in its statement.
_VALUES: Mapping[str, Callable[..., dict[str, Any]]] = {
    "user": dict,
    "users_of_tenant": _page("u", _END, active_only=False),
    "workspace": partial(dict, limit=_FIRST_MEMBERS),
    "workspaces_of_tenant": _page("w", _END),
    "workspace_members": _page("m", 0),
    "tenant_summary": dict,
    "dashboard": partial(dict, limit=_RECENT),
}


#: Of which type each value in a statement is.
_TYPES: Mapping[str, str] = {
    "tenant_id": "uuid",
    "user_id": "uuid",
    "workspace_id": "uuid",
    "shard": "smallint",
    "projections": "text[]",
    "list": "text",
    "beyond": "bigint",
    "limit": "integer",
    "offset": "integer",
}

#: It goes with each statement in one round trip and one transaction, so the tenant is forgotten after the query.
_ISOLATED = "SELECT set_config('app.tenant_id', %(tenant_id)s, true);\n"


def _statements() -> dict[str, Prepared]:
    texts = statements("domain.read.sql")
    parts = {name: texts[name] for name in _PARTS}
    found = {query: texts[query].format_map(parts) for query in QUERY_PROJECTIONS}
    # Only with the value in the text does the planner see that the index of active users is enough.
    users = found["users_of_tenant"]
    found["users_of_tenant"] = users.replace("%(active_only)s", "false")
    found[_ACTIVE] = users.replace("%(active_only)s", "true")
    return {
        query: Prepared(text, name=f"query_{query}", types=_TYPES, before=_ISOLATED) for query, text in found.items()
    }


#: The statement that takes the place of users_of_tenant where only active ones are asked for.
_ACTIVE = "active_users_of_tenant"

_STATEMENTS: Mapping[str, Prepared] = _statements()


def asked(query: str, tenant_id: str, **arguments: Any) -> tuple[Prepared, dict[str, Any]]:
    """Return the statement that is to be run for *query*, and the values in it."""
    values = _VALUES[query](**arguments)
    values |= {
        "tenant_id": tenant_id,
        "shard": shard_of(tenant_id),
        "projections": list(QUERY_PROJECTIONS[query]),
    }
    return _STATEMENTS[_ACTIVE if values.get("active_only") else query], values
