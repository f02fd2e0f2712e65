"""Bodies of requests and answers about users."""

from __future__ import annotations

from typing import Any, ClassVar

import marshmallow as ma

from domain.model import fields as model
from domain.model.users.roles import ROLES
from web import fields
from web.schemas import PageArguments, PaginationView, View


class RegisterUserBody(ma.Schema):
    """*tenant_id* is for a super_admin, who belongs to no tenant; anybody else may name its own."""

    constraints: ClassVar[dict[str, Any]] = {
        "examples": [{"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}]
    }

    email = fields.Text(
        model.email, required=True, format="email", maxLength=model.EMAIL_LENGTH, pattern=f"^{model.EMAIL_PATTERN}$"
    )
    first_name = fields.name(required=True)
    last_name = fields.name(required=True)
    tenant_id = fields.Id()


class UpdateUserBody(ma.Schema):
    """What is left out stays as it is; an avatar of null is taken away."""

    first_name = fields.name()
    last_name = fields.name()
    avatar = fields.Text(
        model.avatar, allow_none=True, format="uri", maxLength=model.AVATAR_LENGTH, pattern="^[Hh][Tt][Tt][Pp][Ss]?://"
    )
    timezone = fields.Text(model.timezone, maxLength=model.TIMEZONE_LENGTH)
    language = fields.Text(model.language, maxLength=model.LANGUAGE_LENGTH, pattern=f"^{model.LANGUAGE_PATTERN}$")


class DeactivateUserBody(ma.Schema):
    body_optional = True

    reason = fields.Text(model.reason, allow_none=True, maxLength=model.REASON_LENGTH)


class UserView(View):
    id = ma.fields.UUID(required=True)
    tenant_id = ma.fields.UUID(required=True)
    email = ma.fields.String(required=True)
    first_name = ma.fields.String(required=True)
    last_name = ma.fields.String(required=True)
    display_name = ma.fields.String(required=True)
    avatar = ma.fields.String(required=True, allow_none=True)
    timezone = ma.fields.String(required=True)
    language = ma.fields.String(required=True)
    status = ma.fields.String(required=True, validate=ma.validate.OneOf(("pending", "active", "deactivated")))
    is_active = ma.fields.Boolean(required=True)
    roles = ma.fields.List(ma.fields.String(validate=ma.validate.OneOf(ROLES)), required=True)
    deactivation_reason = ma.fields.String(required=True, allow_none=True)
    created_at = ma.fields.AwareDateTime(required=True)
    updated_at = ma.fields.AwareDateTime(required=True)
    event_version = ma.fields.Integer(required=True)


class UsersPageArguments(PageArguments):
    active_only = fields.QueryFlag(load_default=False)


class UsersPageView(View):
    users = ma.fields.List(ma.fields.Nested(UserView), required=True)
    pagination = ma.fields.Nested(PaginationView, required=True)
