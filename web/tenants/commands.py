"""Creating and changing tenants."""

from __future__ import annotations

from typing import Any

from flask import Response

from domain.model.tenants.commands import ChangePlan, ChangeTenant, CreateTenant
from web import commands, tenancy
from web.context import actor
from web.schemas import OutcomeView
from web.tenants.blueprint import blueprint
from web.tenants.schemas import ChangeTenantBody, CreateTenantBody, PlanBody


@blueprint.route("", methods=["POST"])
@blueprint.arguments(CreateTenantBody)
@blueprint.response(201, OutcomeView)
def create_tenant(body: dict[str, Any]) -> Response:
    """Create a tenant"""
    return commands.create_tenant(
        lambda tenant_id: CreateTenant(tenant_id=tenant_id, actor=actor(), **body),
        location="/api/v1/tenants/{}/summary".format,
    )


@blueprint.route("/<id:tenant_id>", methods=["PATCH"])
@blueprint.arguments(ChangeTenantBody)
@blueprint.response(200, OutcomeView)
def change_tenant(body: dict[str, Any], tenant_id: str) -> Response:
    """Rename a tenant"""
    return commands.carry_out(ChangeTenant(tenant_id=tenancy.named(tenant_id), actor=actor(), **body))


@blueprint.route("/<id:tenant_id>/plan", methods=["PUT"])
@blueprint.arguments(PlanBody)
@blueprint.response(200, OutcomeView)
def change_plan(body: dict[str, Any], tenant_id: str) -> Response:
    """Put a tenant on another plan"""
    return commands.carry_out(ChangePlan(tenant_id=tenancy.named(tenant_id), actor=actor(), **body))
