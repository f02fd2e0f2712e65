"""The workspaces and their members as the queries show them."""

from __future__ import annotations

from domain.model.event import RecordedEvent
from domain.model.workspaces.roles import OWNER
from domain.read import schema
from domain.read.projection import Projection
from domain.read.rows import Rows
from domain.read.tables import Key, Row

workspaces = Projection("workspaces")
WORKSPACES = workspaces.owns(schema.workspaces, "workspace")
MEMBERS = workspaces.keeps(schema.workspace_members)


def _creator(event: RecordedEvent) -> Key:
    return (event.tenant_id, event.aggregate_id, event.payload["owner_id"])


def _member(event: RecordedEvent) -> Key:
    return (event.tenant_id, event.aggregate_id, event.payload["user_id"])


def _all_members(event: RecordedEvent) -> Key:
    return (event.tenant_id, event.aggregate_id)


@workspaces.on("workspace.created", touches={MEMBERS: _creator})
def created(workspace: Row, event: RecordedEvent, rows: Rows) -> None:
    payload = event.payload
    workspace.update(
        name=payload["name"],
        description=payload["description"],
        owner_id=payload["owner_id"],
        status="active",
        is_public=payload["is_public"],
        settings=payload["settings"],
        member_count=1,
        created_at=event.occurred_at,
        updated_at=event.occurred_at,
        created_position=event.position,
    )
    _join(rows, event, _creator(event), OWNER)


@workspaces.on("workspace.updated")
def updated(workspace: Row, event: RecordedEvent, _: Rows) -> None:
    for field in ("name", "description", "is_public", "settings"):
        if field in event.payload:
            workspace[field] = event.payload[field]
    workspace["updated_at"] = event.occurred_at


@workspaces.on("workspace.deleted", touches={MEMBERS: _all_members})
def deleted(workspace: Row, event: RecordedEvent, rows: Rows) -> None:
    workspace.update(status="deleted", member_count=0, updated_at=event.occurred_at)
    rows.remove_all(MEMBERS, _all_members(event))


@workspaces.on("workspace.member_added", touches={MEMBERS: _member})
def member_added(workspace: Row, event: RecordedEvent, rows: Rows) -> None:
    workspace["member_count"] += 1
    workspace["updated_at"] = event.occurred_at
    _join(rows, event, _member(event), event.payload["role"])


@workspaces.on("workspace.member_removed", touches={MEMBERS: _member})
def member_removed(workspace: Row, event: RecordedEvent, rows: Rows) -> None:
    workspace["member_count"] -= 1
    workspace["updated_at"] = event.occurred_at
    rows.remove(MEMBERS, _member(event))


@workspaces.on("workspace.member_role_changed", touches={MEMBERS: _member})
def member_role_changed(workspace: Row, event: RecordedEvent, rows: Rows) -> None:
    workspace["updated_at"] = event.occurred_at
    rows.change(MEMBERS, _member(event)).update(role=event.payload["new_role"], updated_at=event.occurred_at)


def _join(rows: Rows, event: RecordedEvent, key: Key, role: str) -> None:
    tenant_id, workspace_id, user_id = key
    rows.put(
        MEMBERS,
        {
            "tenant_id": tenant_id,
            "workspace_id": workspace_id,
            "user_id": user_id,
            "role": role,
            "joined_at": event.occurred_at,
            "updated_at": event.occurred_at,
            "joined_position": event.position,
        },
    )
