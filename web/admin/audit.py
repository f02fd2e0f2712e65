"""Who did what, as the events themselves tell it."""

from __future__ import annotations

from typing import Any

from flask import Response

from domain.model.errors import TenantNotFound
from web import tenancy, trail
from web.admin.audit_schemas import AuditArguments, AuditView
from web.admin.blueprint import blueprint
from web.context import actor, container
from web.errors import ValidationFailed
from web.fresh import fresh


@blueprint.route("/audit")
@blueprint.arguments(AuditArguments, location="query")
@blueprint.response(200, AuditView)
def audit_trail(asked: dict[str, Any]) -> Response:
    """Show who did what in a tenant, the newest first

    A page may have fewer entries than its limit, or none, and still have a `next_cursor`. The names of the changed
    fields are told, and not their values: those are personal data, which this list is not about.
    """
    tenant_id = _tenant(asked.get("tenant"))
    body = trail.page(tenant_id, limit=asked["limit"], after=asked["cursor"], aggregate=asked.get("aggregate"))
    if not body["entries"] and container().event_store.tenant_of(tenant_id) != tenant_id:
        raise TenantNotFound
    return fresh(body)


def _tenant(asked: str | None) -> str:
    if asked is not None:
        return tenancy.named(asked)
    own = actor().tenant_id
    if own is None:
        raise ValidationFailed(errors={"tenant": ["a super_admin has to name the tenant"]})
    return own
