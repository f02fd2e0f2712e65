"""Who did what in a tenant, as its events tell it, for programs and for people alike."""

from __future__ import annotations

from typing import Any

from domain.model.event import RecordedEvent
from domain.read import cursor
from web.context import container

#: The letter of this list in its cursors.
LIST = "a"


def page(tenant_id: str, *, limit: int, after: str | None = None, aggregate: str | None = None) -> dict[str, Any]:
    """Return the newest entries, or those that come *after* a cursor, as JSON values. Raises Invalid."""
    found = container().event_store.backwards(
        tenant_id, None if after is None else cursor.decode(LIST, after), limit, aggregate
    )
    return {
        "entries": [_entry(event) for event in found.events],
        "next_cursor": None if found.before is None else cursor.encode(LIST, found.before),
    }


def _entry(event: RecordedEvent) -> dict[str, Any]:
    told = event.metadata
    return {
        "position": str(event.at),
        "event_type": event.event_type,
        "aggregate_type": event.aggregate_type,
        "aggregate_id": event.aggregate_id,
        "version": event.version,
        "occurred_at": event.occurred_at.isoformat(),
        "actor_id": told.get("actor_id"),
        "command": told.get("command"),
        "correlation_id": told.get("correlation_id"),
        "fields": sorted(event.payload),
    }
