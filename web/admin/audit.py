"""Who did what, as the events themselves tell it."""

from __future__ import annotations

import json
from typing import Any

from flask import Response

from domain.model.event import RecordedEvent
from domain.read import cursor
from web import tenancy
from web.admin.audit_schemas import AuditArguments, AuditView
from web.admin.blueprint import blueprint
from web.context import actor, container
from web.errors import ValidationFailed

#: The letter of this list in its cursors.
LIST = "a"


@blueprint.route("/audit")
@blueprint.arguments(AuditArguments, location="query")
@blueprint.response(200, AuditView)
def audit_trail(asked: dict[str, Any]) -> Response:
    """Show who did what in a tenant, the newest first

    A page may have fewer entries than its limit, or none, and still have a `next_cursor`. The names of the changed
    fields are told, and not their values: those are personal data, which this list is not about.
    """
    page = container().event_store.backwards(
        _tenant(asked.get("tenant")),
        None if asked["cursor"] is None else cursor.decode(LIST, asked["cursor"]),
        asked["limit"],
        asked.get("aggregate"),
    )
    body = {
        "entries": [_entry(event) for event in page.events],
        "next_cursor": None if page.before is None else cursor.encode(LIST, page.before),
    }
    return Response(json.dumps(body), content_type="application/json", headers={"Cache-Control": "no-store"})


def _tenant(asked: str | None) -> str:
    if asked is not None:
        return tenancy.named(asked)
    own = actor().tenant_id
    if own is None:
        raise ValidationFailed(errors={"tenant": ["a super_admin has to name the tenant"]})
    return own


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
