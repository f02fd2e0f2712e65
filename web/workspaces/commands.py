"""Creating and changing workspaces."""

from __future__ import annotations

from typing import Any

from flask import Response

from domain.model.errors import WorkspaceNotFound
from domain.model.workspaces.commands import CreateWorkspace, DeleteWorkspace, UpdateWorkspace
from web import commands, tenancy
from web.context import actor
from web.schemas import NoBody, OutcomeView
from web.workspaces.blueprint import blueprint
from web.workspaces.schemas import CreateWorkspaceBody, UpdateWorkspaceBody


@blueprint.route("", methods=["POST"])
@blueprint.arguments(CreateWorkspaceBody)
@blueprint.response(201, OutcomeView)
def create_workspace(body: dict[str, Any]) -> Response:
    """Create a workspace, of which the requester is owner and first member"""
    command = CreateWorkspace(tenant_id=tenancy.own(), actor=actor(), workspace_id=commands.new_id(), **body)
    return commands.carry_out(command, location="/api/v1/workspaces/{}".format)


@blueprint.route("/<id:workspace_id>", methods=["PATCH"])
@blueprint.arguments(UpdateWorkspaceBody)
@blueprint.response(200, OutcomeView)
def update_workspace(body: dict[str, Any], workspace_id: str) -> Response:
    """Change a workspace"""
    return commands.carry_out(UpdateWorkspace(**about(workspace_id), changes=body))


@blueprint.route("/<id:workspace_id>", methods=["DELETE"])
@blueprint.arguments(NoBody, required=False, as_kwargs=True)
@blueprint.response(200, OutcomeView)
def delete_workspace(workspace_id: str) -> Response:
    """Delete a workspace"""
    return commands.carry_out(DeleteWorkspace(**about(workspace_id)))


def about(workspace_id: str) -> dict[str, Any]:
    """What every command about an existing workspace says."""
    tenant_id = tenancy.having(workspace_id, WorkspaceNotFound)
    return {"tenant_id": tenant_id, "actor": actor(), "workspace_id": workspace_id}
