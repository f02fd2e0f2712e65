"""Which events reach which answers.

An event touches tags, an answer carries tags, and an event changes an answer only if they have a tag in common. All
tags belong to one tenant. What comes in a list is tagged one by one, so that a change to one user leaves all the lists
alone that don't show it, and its new time zone leaves those alone that show only its name.

==================  =========================================================================
``user:{id}``       all that is shown of one user
``name:{id}``       a user's display_name and email, as lists of members show them
``users``           which users there are, in which order, how many
``active_users``    which of them are active, how many
``workspace:{id}``  all that is shown of one workspace, its members among it
``members:{id}``    who is a member of one workspace, and in which role
``workspaces``      which workspaces there are, in which order, how many
``summary``         the tenant's own data and its counts
``class:{query}``   every answer to one query; no event touches it, only people do
==================  =========================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from domain.model.event import RecordedEvent

#: The tags that an event of each type touches; {id} is its aggregate.
EVENT_TAGS: Mapping[str, tuple[str, ...]] = {
    "tenant.created": ("summary", "users", "active_users", "workspaces"),
    "tenant.updated": ("summary",),
    "tenant.plan_changed": ("summary",),
    "user.registered": ("user:{id}", "name:{id}", "users", "summary"),
    "user.activated": ("user:{id}", "active_users", "summary"),
    "user.deactivated": ("user:{id}", "active_users", "summary"),
    "user.updated": ("user:{id}", "name:{id}"),
    "user.role_changed": ("user:{id}",),
    "workspace.created": ("workspace:{id}", "members:{id}", "workspaces", "summary"),
    "workspace.updated": ("workspace:{id}",),
    "workspace.deleted": ("workspace:{id}", "members:{id}", "workspaces", "summary"),
    "workspace.member_added": ("workspace:{id}", "members:{id}"),
    "workspace.member_removed": ("workspace:{id}", "members:{id}"),
    "workspace.member_role_changed": ("workspace:{id}", "members:{id}"),
}

#: Tags that an event touches only if it changes one of these fields.
_ONLY_IF_CHANGED: Mapping[tuple[str, str], frozenset[str]] = {
    ("user.updated", "name:{id}"): frozenset({"first_name", "last_name"}),
}

#: The tag of everything that a tenant has: what an event of an unknown type touches.
EVERYTHING = "*"


def touched(event: RecordedEvent) -> list[str]:
    """Return the tags that *event* touches."""
    return [
        tag.format(id=event.aggregate_id)
        for tag in EVENT_TAGS.get(event.event_type, (EVERYTHING,))
        if not (fields := _ONLY_IF_CHANGED.get((event.event_type, tag))) or fields & event.payload.keys()
    ]


def _users(users: list[dict[str, Any]]) -> Iterator[str]:
    return (f"user:{user['id']}" for user in users)


def _workspaces(workspaces: list[dict[str, Any]]) -> Iterator[str]:
    return (f"workspace:{workspace['id']}" for workspace in workspaces)


def _names(members: list[dict[str, Any]]) -> Iterator[str]:
    return (f"name:{member['user_id']}" for member in members)


def _dashboard(body: dict[str, Any]) -> Iterator[str]:
    yield from _users(body["recent_users"])
    yield from _workspaces(body["recent_workspaces"])


class Carried(NamedTuple):
    """The tags that the answers to a query carry: those known from the question, and those of what is shown."""

    asked: tuple[str, ...]
    shown: Callable[[dict[str, Any]], Iterator[str]] | None = None


#: The tags that the answers to each query carry; names in braces are its arguments.
QUERY_TAGS: Mapping[str, Carried] = {
    "user": Carried(("user:{user_id}",)),
    "users_of_tenant": Carried(("users",), lambda body: _users(body["users"])),
    "active_users_of_tenant": Carried(("active_users",), lambda body: _users(body["users"])),
    "workspace": Carried(("workspace:{workspace_id}",), lambda body: _names(body["members"])),
    "workspaces_of_tenant": Carried(("workspaces",), lambda body: _workspaces(body["workspaces"])),
    "workspace_members": Carried(("members:{workspace_id}",), lambda body: _names(body["members"])),
    "tenant_summary": Carried(("summary",)),
    # Whoever comes or goes changes the summary's counts, so that tag also stands for who is recent.
    "dashboard": Carried(("summary",), _dashboard),
}


def class_of(query: str) -> str:
    """Return the tag that every answer to *query* carries."""
    return f"class:{query}"


def shown(row: str, body: bytes | None) -> tuple[str, ...]:
    """Return the tags of what the answer *body* to a query of this row of QUERY_TAGS shows."""
    tags_of = QUERY_TAGS[row].shown
    return () if body is None or tags_of is None else tuple(dict.fromkeys(tags_of(orjson.loads(body))))
