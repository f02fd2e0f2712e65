"""What can be asked about a tenant."""

from __future__ import annotations

from flask import Response

from domain.model.errors import TenantNotFound
from web import answers, tenancy
from web.schemas import NoArguments
from web.tenants.blueprint import blueprint
from web.tenants.schemas import DashboardView, TenantSummaryView


@blueprint.route("/<id:tenant_id>/summary")
@blueprint.arguments(NoArguments, location="query", as_kwargs=True)
@blueprint.response(200, TenantSummaryView)
def tenant_summary(tenant_id: str) -> Response:
    """Show a tenant's plan and totals"""
    return answers.answer("tenant_summary", tenancy.named(tenant_id), missing=TenantNotFound)


@blueprint.route("/<id:tenant_id>/dashboard")
@blueprint.arguments(NoArguments, location="query", as_kwargs=True)
@blueprint.response(200, DashboardView)
def tenant_dashboard(tenant_id: str) -> Response:
    """Show a tenant's totals with its newest users and workspaces"""
    return answers.answer("dashboard", tenancy.named(tenant_id), missing=TenantNotFound)
