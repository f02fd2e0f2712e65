"""Registering and changing users."""

from __future__ import annotations

from typing import Any

from flask import Response

from domain.model.errors import UserNotFound
from domain.model.users.commands import (
    ActivateUser,
    AddRole,
    DeactivateUser,
    RegisterUser,
    RemoveRole,
    UpdateUser,
)
from domain.model.users.roles import ROLES
from web import commands, tenancy
from web.context import actor
from web.schemas import NoBody, OutcomeView
from web.users.blueprint import blueprint
from web.users.schemas import DeactivateUserBody, RegisterUserBody, UpdateUserBody

_ROLE = [{"in": "path", "name": "role", "schema": {"type": "string", "enum": list(ROLES)}}]


@blueprint.route("", methods=["POST"])
@blueprint.arguments(RegisterUserBody)
@blueprint.response(201, OutcomeView)
def register_user(body: dict[str, Any]) -> Response:
    """Register a user, who is pending until activated"""
    tenant_id = tenancy.for_new_user(body.pop("tenant_id", None))
    command = RegisterUser(tenant_id=tenant_id, actor=actor(), user_id=commands.new_id(), **body)
    return commands.carry_out(command, location="/api/v1/users/{}".format)


@blueprint.route("/<id:user_id>", methods=["PATCH"])
@blueprint.arguments(UpdateUserBody)
@blueprint.response(200, OutcomeView)
def update_user(body: dict[str, Any], user_id: str) -> Response:
    """Change a user's own data"""
    return commands.carry_out(UpdateUser(**_about(user_id), changes=body))


@blueprint.route("/<id:user_id>/activate", methods=["POST"])
@blueprint.arguments(NoBody, required=False, as_kwargs=True)
@blueprint.response(200, OutcomeView)
def activate_user(user_id: str) -> Response:
    """Activate a pending or deactivated user"""
    return commands.carry_out(ActivateUser(**_about(user_id)))


@blueprint.route("/<id:user_id>/deactivate", methods=["POST"])
@blueprint.arguments(DeactivateUserBody, required=False)
@blueprint.response(200, OutcomeView)
def deactivate_user(body: dict[str, Any], user_id: str) -> Response:
    """Deactivate a pending or active user"""
    return commands.carry_out(DeactivateUser(**_about(user_id), **body))


@blueprint.route("/<id:user_id>/roles/<role>", methods=["PUT"], parameters=_ROLE)
@blueprint.arguments(NoBody, required=False, as_kwargs=True)
@blueprint.response(200, OutcomeView)
def add_role(user_id: str, role: str) -> Response:
    """Give a user a role"""
    return commands.carry_out(AddRole(**_about(user_id), role=role))


@blueprint.route("/<id:user_id>/roles/<role>", methods=["DELETE"], parameters=_ROLE)
@blueprint.arguments(NoBody, required=False, as_kwargs=True)
@blueprint.response(200, OutcomeView)
def remove_role(user_id: str, role: str) -> Response:
    """Take a role away from a user"""
    return commands.carry_out(RemoveRole(**_about(user_id), role=role))


def _about(user_id: str) -> dict[str, Any]:
    """What every command about an existing user says."""
    return {"tenant_id": tenancy.having(user_id, UserNotFound), "actor": actor(), "user_id": user_id}
