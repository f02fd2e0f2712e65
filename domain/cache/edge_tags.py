"""Tags as caches outside know them: those of all tenants together, so each names its tenant or a single thing."""

from __future__ import annotations

from collections.abc import Iterable

from domain.cache.tags import EVERYTHING

#: The tag of every answer.
ALL = "all"

#: Tags about one thing, whose id no other tenant's has.
_OF_ONE = ("user:", "name:", "workspace:", "members:")


def edge_tag(tenant_id: str, tag: str) -> str:
    """Return what *tag* of a tenant is called outside: ``user:{id}``, ``summary:{tenant}``, ``tenant:{tenant}``."""
    if tag == EVERYTHING:
        return f"tenant:{tenant_id}"
    return tag if tag.startswith(_OF_ONE) else f"{tag}:{tenant_id}"


def edge_tags(tenant_id: str, tags: Iterable[str]) -> list[str]:
    """Return the tags of an answer that carries *tags*."""
    return [ALL, edge_tag(tenant_id, EVERYTHING), *(edge_tag(tenant_id, tag) for tag in tags)]
