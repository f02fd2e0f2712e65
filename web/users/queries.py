"""What can be asked about users."""

from __future__ import annotations

from typing import Any

from flask import Response

from domain.model.errors import TenantNotFound, UserNotFound
from web import answers, tenancy
from web.context import actor
from web.ids import NOTHING, canonical
from web.schemas import NoArguments
from web.users.blueprint import blueprint
from web.users.schemas import UsersPageArguments, UsersPageView, UserView


@blueprint.route("/profile")
@blueprint.arguments(NoArguments, location="query", as_kwargs=True)
@blueprint.response(200, UserView)
def own_profile() -> Response:
    """Show the user whose token this is"""
    return _user(canonical(actor().id) or NOTHING)


@blueprint.route("/<id:user_id>")
@blueprint.arguments(NoArguments, location="query", as_kwargs=True)
@blueprint.response(200, UserView)
def show_user(user_id: str) -> Response:
    """Show a user"""
    return _user(user_id)


@blueprint.route("/tenant/<id:tenant_id>")
@blueprint.arguments(UsersPageArguments, location="query")
@blueprint.response(200, UsersPageView)
def users_of_tenant(page: dict[str, Any], tenant_id: str) -> Response:
    """List a tenant's users, newest first"""
    return answers.answer("users_of_tenant", tenancy.named(tenant_id), missing=TenantNotFound, **page)


def _user(user_id: str) -> Response:
    tenant_id = tenancy.having(user_id, UserNotFound)
    return answers.answer("user", tenant_id, missing=UserNotFound, user_id=user_id)
