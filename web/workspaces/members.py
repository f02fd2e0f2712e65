"""Adding, changing and removing the members of a workspace."""

from __future__ import annotations

from typing import Any

from flask import Response

from domain.model.workspaces.commands import AddMember, ChangeMemberRole, RemoveMember
from web import commands
from web.schemas import NoBody, OutcomeView
from web.workspaces.blueprint import blueprint
from web.workspaces.commands import about
from web.workspaces.schemas import AddMemberBody, ChangeMemberRoleBody


@blueprint.route("/<id:workspace_id>/members", methods=["POST"])
@blueprint.arguments(AddMemberBody)
@blueprint.response(201, OutcomeView)
def add_member(body: dict[str, Any], workspace_id: str) -> Response:
    """Make a user a member of a workspace"""
    # The list, since a member alone can be changed and removed, but not looked at.
    location = f"/api/v1/workspaces/{workspace_id}/members"
    return commands.carry_out(AddMember(**about(workspace_id), **body), location=lambda _: location)


@blueprint.route("/<id:workspace_id>/members/<id:user_id>", methods=["PATCH"])
@blueprint.arguments(ChangeMemberRoleBody)
@blueprint.response(200, OutcomeView)
def change_member_role(body: dict[str, Any], workspace_id: str, user_id: str) -> Response:
    """Give a member another role"""
    return commands.carry_out(ChangeMemberRole(**about(workspace_id), user_id=user_id, **body))


@blueprint.route("/<id:workspace_id>/members/<id:user_id>", methods=["DELETE"])
@blueprint.arguments(NoBody, required=False, as_kwargs=True)
@blueprint.response(200, OutcomeView)
def remove_member(workspace_id: str, user_id: str) -> Response:
    """Take a member out of a workspace; a member may take out itself"""
    return commands.carry_out(RemoveMember(**about(workspace_id), user_id=user_id))
