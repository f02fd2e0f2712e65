"""The documented keys: one for each question to one tenant, with the tags known from it and how long answers keep."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from domain.cache.tags import QUERY_TAGS, class_of
from domain.model.fields import UUID_PATTERN

#: The version of the answers' shape. Raised with every change to a body, so that no release reads another's answers.
VERSION = 1

#: Seconds that "there is no such thing" keeps.
ABSENT_TTL = 30.0

#: How much shorter or longer an answer may keep, so that what was stored together doesn't end together.
JITTER = 0.1


class Kind(NamedTuple):
    """How the key of a query is written, and for how many seconds its answers keep."""

    template: str
    ttl: float
    paged: bool = False


#: Every query's keys. A page is written after the template: ``:limit:50:offset:0``, then the version.
KINDS: Mapping[str, Kind] = {
    "user": Kind("user:{user_id}:tenant:{tenant_id}", 900),
    "users_of_tenant": Kind("users_tenant:{tenant_id}", 300, paged=True),
    "workspace": Kind("workspace:{workspace_id}:tenant:{tenant_id}", 900),
    "workspaces_of_tenant": Kind("workspaces_tenant:{tenant_id}", 300, paged=True),
    "workspace_members": Kind("workspace_members:{workspace_id}:tenant:{tenant_id}", 600, paged=True),
    "tenant_summary": Kind("tenant_summary:{tenant_id}", 1800),
    # It shows lists too, so it keeps no longer than they do.
    "dashboard": Kind("tenant_dashboard:{tenant_id}", 300),
}


class Key(NamedTuple):
    """A question: its *text* is the documented key, *tags* are those that its every answer carries.

    *row* is the row of QUERY_TAGS that the answers belong to.
    """

    text: str
    query: str
    tenant_id: str
    ttl: float
    tags: tuple[str, ...]
    row: str


def key_of(query: str, tenant_id: str, **arguments: Any) -> Key:
    """Return the key of *query* with the *arguments* that Queries.read() takes for it."""
    kind = KINDS[query]
    text = kind.template.format(tenant_id=tenant_id, **arguments)
    row = query
    if kind.paged:
        text += _page(**arguments)
        if arguments.get("active_only"):
            row = "active_users_of_tenant"
    asked = tuple(tag.format(**arguments) for tag in QUERY_TAGS[row].asked)
    return Key(f"{text}:v:{VERSION}", query, tenant_id, kind.ttl, (class_of(query), *asked), row)


def _page(limit: int = 50, offset: int = 0, cursor: str | None = None, active_only: bool = False, **_: Any) -> str:
    # A cursor takes the place of the offset, and it is the client's own text.
    page = f":limit:{limit}:offset:{offset if cursor is None else 0}"
    if cursor is not None:
        page += f":cursor:{quote(cursor, safe='')}"
    return page + ":active:1" if active_only else page


def jittered(ttl: float) -> float:
    """Return *ttl*, up to 10 % shorter or longer."""
    return ttl * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - nothing secret depends on it


def parse(text: str) -> tuple[str, str, dict[str, Any]] | None:
    """Return the query, tenant and arguments that the key *text* stands for, or None if it isn't a key."""
    for query, form in _FORMS.items():
        if match := form.fullmatch(text):
            found = {name: value for name, value in match.groupdict().items() if value is not None}
            arguments: dict[str, Any] = found | {
                name: int(found[name]) for name in ("limit", "offset") if name in found
            }
            if "cursor" in found:
                arguments["cursor"] = unquote(found["cursor"])
            if arguments.pop("active", None):
                arguments["active_only"] = True
            return query, arguments.pop("tenant_id"), arguments
    return None


_PAGE = ":limit:(?P<limit>[0-9]{1,9}):offset:(?P<offset>[0-9]{1,9})(?::cursor:(?P<cursor>[^:]*))?(?P<active>:active:1)?"
_FORMS = {
    query: re.compile(
        re.sub(r"\{(\w+)\}", rf"(?P<\1>{UUID_PATTERN})", kind.template) + _PAGE * kind.paged + f":v:{VERSION}"
    )
    for query, kind in KINDS.items()
}
