"""Which tenant a request is about.

Whoever belongs to a tenant acts in that tenant and sees no other: what lies elsewhere is not found, in the very words
in which a thing that doesn't exist is not found. Only a super_admin may name a tenant.
"""

from __future__ import annotations

from domain.model.errors import Forbidden, NotFound, TenantNotFound
from web.context import actor, container
from web.errors import ValidationFailed


def named(tenant_id: str) -> str:
    """Return *tenant_id*, which the path names. Raises TenantNotFound if it is not the requester's to see."""
    if not actor().is_super_admin and actor().tenant_id != tenant_id:
        raise TenantNotFound
    return tenant_id


def having(aggregate_id: str, missing: type[NotFound]) -> str:
    """Return the tenant in which to look for the aggregate. Raises *missing* when a super_admin's id leads nowhere."""
    tenant_id = actor().tenant_id
    if actor().is_super_admin:
        tenant_id = container().event_store.tenant_of(aggregate_id)
    if tenant_id is None:
        raise missing
    return tenant_id


def for_new_user(tenant_id: str | None) -> str:
    """Return the tenant of a user to be registered: *tenant_id*, which the body may name, or the requester's own."""
    if tenant_id is not None:
        return named(tenant_id)
    own = actor().tenant_id
    if own is None:
        raise ValidationFailed(errors={"tenant_id": ["a super_admin has to name the tenant"]})
    return own


def own() -> str:
    """Return the tenant that the requester belongs to. Raises Forbidden for a super_admin who belongs to none."""
    tenant_id = actor().tenant_id
    if tenant_id is None:
        raise Forbidden
    return tenant_id
