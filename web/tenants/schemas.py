"""Bodies of requests and answers about tenants."""

from __future__ import annotations

from typing import Any, ClassVar

import marshmallow as ma

from domain.model import fields as model
from domain.model.claims import Quotas
from domain.model.plans import PLAN_NAMES, QUOTA_LIMIT
from web import fields
from web.schemas import View
from web.users.schemas import UserView
from web.workspaces.schemas import WorkspaceRow

_AMOUNT = ma.validate.Range(1, QUOTA_LIMIT)


class QuotasBody(ma.Schema):
    users = fields.Whole(required=True, validate=_AMOUNT)
    workspaces = fields.Whole(required=True, validate=_AMOUNT)

    @ma.post_load
    def _quotas(self, data: dict[str, Any], **_kwargs: Any) -> Quotas:
        return Quotas(**data)


class PlanBody(ma.Schema):
    """*quotas* goes with the plan custom, and with no other."""

    constraints: ClassVar[dict[str, Any]] = {
        "if": {"properties": {"plan": {"const": "custom"}}, "required": ["plan"]},
        "then": {"required": ["quotas"]},
        "else": {"not": {"required": ["quotas"]}},
        "examples": [{"plan": "custom", "quotas": {"users": 200, "workspaces": 40}}],
    }

    plan = fields.choice(PLAN_NAMES, required=True)
    quotas = ma.fields.Nested(QuotasBody)


class CreateTenantBody(PlanBody):
    constraints: ClassVar[dict[str, Any]] = PlanBody.constraints | {
        "examples": [{"name": "Acme", "slug": "acme", "plan": "starter"}]
    }

    name = fields.name(required=True)
    slug = fields.Text(model.slug, required=True, pattern=f"^{model.SLUG_PATTERN}$")


class ChangeTenantBody(ma.Schema):
    name = fields.name(required=True)


class QuotasView(View):
    users = ma.fields.Integer(required=True)
    workspaces = ma.fields.Integer(required=True)


class TenantSummaryView(View):
    tenant_id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    slug = ma.fields.String(required=True)
    plan_type = ma.fields.String(required=True, metadata={"enum": list(PLAN_NAMES)})
    total_users = ma.fields.Integer(required=True)
    active_users = ma.fields.Integer(required=True)
    total_workspaces = ma.fields.Integer(required=True)
    quotas = ma.fields.Nested(QuotasView, required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    updated_at = ma.fields.AwareDateTime(required=True)
    event_version = ma.fields.Integer(required=True)


class DashboardView(View):
    summary = ma.fields.Nested(TenantSummaryView, required=True)
    recent_users = ma.fields.List(ma.fields.Nested(UserView), required=True, validate=ma.validate.Length(max=10))
    recent_workspaces = ma.fields.List(
        ma.fields.Nested(WorkspaceRow), required=True, validate=ma.validate.Length(max=10)
    )
