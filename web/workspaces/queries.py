"""What can be asked about workspaces."""

from __future__ import annotations

from typing import Any

from flask import Response

from domain.model.errors import TenantNotFound, WorkspaceNotFound
from web import answers, tenancy
from web.schemas import NoArguments, PageArguments
from web.workspaces.blueprint import blueprint
from web.workspaces.schemas import MembersPageView, WorkspacesPageView, WorkspaceView


@blueprint.route("/<id:workspace_id>")
@blueprint.arguments(NoArguments, location="query", as_kwargs=True)
@blueprint.response(200, WorkspaceView)
def show_workspace(workspace_id: str) -> Response:
    """Show a workspace with its first 100 members"""
    tenant_id = tenancy.having(workspace_id, WorkspaceNotFound)
    return answers.answer("workspace", tenant_id, missing=WorkspaceNotFound, workspace_id=workspace_id)


@blueprint.route("/tenant/<id:tenant_id>")
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, WorkspacesPageView)
def workspaces_of_tenant(page: dict[str, Any], tenant_id: str) -> Response:
    """List a tenant's workspaces, newest first"""
    return answers.answer("workspaces_of_tenant", tenancy.named(tenant_id), missing=TenantNotFound, **page)


@blueprint.route("/<id:workspace_id>/members")
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, MembersPageView)
def workspace_members(page: dict[str, Any], workspace_id: str) -> Response:
    """List the members of a workspace, the first one first"""
    tenant_id = tenancy.having(workspace_id, WorkspaceNotFound)
    return answers.answer("workspace_members", tenant_id, missing=WorkspaceNotFound, workspace_id=workspace_id, **page)
