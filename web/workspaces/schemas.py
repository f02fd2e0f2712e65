"""Bodies of requests and answers about workspaces."""

from __future__ import annotations

import marshmallow as ma

from domain.model import fields as model
from domain.model.workspaces.roles import ROLES
from web import fields
from web.schemas import PaginationView, View


class UpdateWorkspaceBody(ma.Schema):
    """What is left out stays as it is; settings are replaced as a whole."""

    name = fields.name()
    description = fields.Text(model.description, maxLength=model.DESCRIPTION_LENGTH)
    is_public = fields.Flag()
    settings = fields.JsonObject()


class CreateWorkspaceBody(UpdateWorkspaceBody):
    name = fields.name(required=True)


class ChangeMemberRoleBody(ma.Schema):
    role = fields.choice(ROLES, required=True)


class AddMemberBody(ChangeMemberRoleBody):
    user_id = fields.Id(required=True)


class MemberView(View):
    user_id = ma.fields.UUID(required=True)
    display_name = ma.fields.String(required=True, allow_none=True)
    email = ma.fields.String(required=True, allow_none=True)
    role = ma.fields.String(required=True, validate=ma.validate.OneOf(ROLES))
    joined_at = ma.fields.AwareDateTime(required=True)
    updated_at = ma.fields.AwareDateTime(required=True)


class WorkspaceRow(View):
    """A workspace as it stands in lists."""

    id = ma.fields.UUID(required=True)
    tenant_id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    description = ma.fields.String(required=True)
    owner_id = ma.fields.UUID(
        required=True,
        metadata={
            "description": "Who created the workspace, also after that one has left. Its present owners are among the "
            "members."
        },
    )
    status = ma.fields.String(required=True)
    is_public = ma.fields.Boolean(required=True)
    settings = ma.fields.Dict(required=True)
    member_count = ma.fields.Integer(required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    updated_at = ma.fields.AwareDateTime(required=True)
    event_version = ma.fields.Integer(required=True)


class WorkspaceView(WorkspaceRow):
    """A workspace with its first 100 members."""

    members = ma.fields.List(ma.fields.Nested(MemberView), required=True, validate=ma.validate.Length(max=100))


class WorkspacesPageView(View):
    workspaces = ma.fields.List(ma.fields.Nested(WorkspaceRow), required=True)
    pagination = ma.fields.Nested(PaginationView, required=True)


class MembersPageView(View):
    members = ma.fields.List(ma.fields.Nested(MemberView), required=True)
    pagination = ma.fields.Nested(PaginationView, required=True)
