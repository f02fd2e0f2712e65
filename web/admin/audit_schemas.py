"""What the audit trail is asked and answers."""

from __future__ import annotations

import marshmallow as ma

from web import fields
from web.schemas import View


class AuditArguments(ma.Schema):
    """*tenant* is for a super_admin; anybody else may name its own. *aggregate* is a user, workspace or tenant."""

    tenant = fields.Id()
    aggregate = fields.Id()
    limit = fields.QueryWhole(load_default=50, validate=ma.validate.Range(1, 100))
    cursor = ma.fields.String(load_default=None, allow_none=False, validate=ma.validate.Length(1, 512))


class AuditEntryView(View):
    position = ma.fields.String(required=True)
    event_type = ma.fields.String(required=True, metadata={"example": "user.updated"})
    aggregate_type = ma.fields.String(required=True, metadata={"enum": ["tenant", "user", "workspace"]})
    aggregate_id = ma.fields.UUID(required=True)
    version = ma.fields.Integer(required=True)
    occurred_at = ma.fields.AwareDateTime(required=True)
    actor_id = ma.fields.String(required=True, allow_none=True)
    command = ma.fields.String(required=True, allow_none=True, metadata={"example": "UpdateUser"})
    correlation_id = ma.fields.String(required=True, allow_none=True)
    # marshmallow takes it out of the class, so what every schema has by that name stays.
    fields = ma.fields.List(  # type: ignore[assignment]
        ma.fields.String(), required=True, metadata={"example": ["first_name", "timezone"]}
    )


class AuditView(View):
    entries = ma.fields.List(ma.fields.Nested(AuditEntryView), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)
