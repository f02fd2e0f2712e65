"""The tenants, how large each is, and who did what in it."""

from __future__ import annotations

from flask import Response, request

from domain.model import fields
from domain.model.errors import TenantNotFound
from domain.model.position import shard_of
from domain.read.tenants import TenantPage
from web import trail
from web.admin.audit_schemas import AuditArguments
from web.context import container
from web.ids import canonical
from web.operator import forms
from web.operator.blueprint import blueprint
from web.operator.shown import shown

#: Tenants on a page.
PAGE = 50


@blueprint.route("/tenants")
def tenants() -> Response:
    """List the tenants, those with most users first"""
    find = fields.identifier("find", request.args.get("find", ""))
    if (tenant_id := canonical(find)) is not None:
        found = container().tenants.find(tenant_id)
        page = TenantPage([] if found is None else [found], None)
    else:
        cursor = request.args.get("cursor") or None
        page = container().tenants.page(search=find or None, limit=PAGE, cursor=cursor)
    return shown("tenants.html", page=page, find=find)


@blueprint.route("/tenants/<id:tenant_id>")
def tenant(tenant_id: str) -> Response:
    """Show a tenant's size, and who did what in it"""
    asked = forms.loaded(AuditArguments, **request.args.to_dict(), tenant=tenant_id)
    found = container().tenants.find(tenant_id)
    audit = trail.page(tenant_id, limit=asked["limit"], after=asked["cursor"], aggregate=asked.get("aggregate"))
    if found is None and not audit["entries"] and container().event_store.tenant_of(tenant_id) is None:
        raise TenantNotFound
    return shown(
        "tenant.html",
        tenant=found,
        tenant_id=tenant_id,
        shard=shard_of(tenant_id),
        events=container().tenants.events(tenant_id),
        audit=audit,
        asked=asked,
    )
