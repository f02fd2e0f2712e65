"""An append as the parameters of write_schema.append_events, and rows as events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from domain.model.claims import Claims, Reservation
from domain.model.errors import EventNotReadable
from domain.model.event import EVENT_TYPES, Event, RecordedEvent
from domain.model.position import shard_of
from domain.model.upcasting import present
from domain.write.event_store import Append, IdempotencyRecord

#: The columns of domain_events in the order of RecordedEvent's fields.
COLUMNS = ", ".join(RecordedEvent._fields)

#: Those without the last, the metadata: to write them out and read them in takes a fifth of what reading an event does.
COLUMNS_TO_FOLD = ", ".join(RecordedEvent._fields[:-1])

#: The namespace of what is unique among all tenants.
EVERYWHERE = "00000000-0000-0000-0000-000000000000"


def domain_event(recorded: RecordedEvent) -> Event:
    """Return the event that was recorded, in the present shape of its type. Raises EventNotReadable."""
    shown = present(recorded)
    try:
        return EVENT_TYPES[shown.event_type].from_payload(shown.payload)
    except TypeError as error:
        raise EventNotReadable(
            event_type=shown.event_type, schema_version=shown.schema_version, reason="its payload has other fields"
        ) from error


def address(reservation: Reservation, tenant_id: str) -> dict[str, Any]:
    """The key of the row that stands for *reservation*."""
    namespace = EVERYWHERE if reservation.scope == "tenant.slug" else tenant_id
    shard = shard_of(reservation.value if namespace == EVERYWHERE else tenant_id)
    return {"shard": shard, "namespace": namespace, "scope": reservation.scope, "value": reservation.value}


def usage(claims: Iterable[Claims], opens: bool) -> dict[str, Any] | None:
    """The change of the tenant's use of its plan that *claims* add up to; None where they don't touch it."""
    users = workspaces = 0
    quotas = None
    for each in claims:
        users, workspaces, quotas = users + each.users, workspaces + each.workspaces, each.quotas or quotas
    if not (users or workspaces or quotas):
        return None
    return {
        "users": users,
        "workspaces": workspaces,
        "max_users": quotas and quotas.users,
        "max_workspaces": quotas and quotas.workspaces,
        "opens": opens,
    }


def opens_tenant(append: Append) -> bool:
    """Whether the append is the tenant's first."""
    return any(new.aggregate_type == "tenant" and new.version == 1 for new in append.events)


def parameters(append: Append) -> dict[str, Any]:
    """The arguments of write_schema.append_events."""
    metadata = dict(append.metadata)
    events = [
        {
            "event_id": new.event_id,
            "aggregate_type": new.aggregate_type,
            "aggregate_id": new.aggregate_id,
            "version": new.version,
            "event_type": new.event.type,
            "schema_version": new.event.schema_version,
            "payload": new.event.payload(),
            "metadata": metadata,
        }
        for new in append.events
    ]
    reserve = [
        {**address(reservation, append.tenant_id), "aggregate_id": new.aggregate_id}
        for new in append.events
        for reservation in new.claims.reserve
    ]
    release = [address(gone, append.tenant_id) for new in append.events for gone in new.claims.release]
    return {
        "shard": shard_of(append.tenant_id),
        "tenant_id": append.tenant_id,
        "occurred_at": append.occurred_at,
        "events": _json(events),
        "expected": _json([{"aggregate_id": id, "version": version} for id, version in append.expected.items()]),
        "reserve": _json_or_null(reserve),
        "release": _json_or_null(release),
        "usage": _json_or_null(usage((new.claims for new in append.events), opens_tenant(append))),
        "idempotency": _json_or_null([_record(record) for record in append.idempotency]),
    }


def _record(record: IdempotencyRecord) -> dict[str, Any]:
    return {
        "key": record.key,
        "fingerprint": record.fingerprint,
        "response": record.response,
        "ordinal": record.ordinal,
    }


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _json_or_null(value: Any) -> str | None:
    return _json(value) if value else None
