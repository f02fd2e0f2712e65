"""The rules about workspaces and their members."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from domain.model import fields
from domain.model.aggregate import Aggregate
from domain.model.claims import NO_CLAIMS, Claims, Reservation
from domain.model.errors import ConcurrencyConflict, CreatorNotActive, Forbidden, WorkspaceNotFound
from domain.model.errors import WorkspaceDeleted as AlreadyDeleted
from domain.model.event import Event
from domain.model.json_object import canonical, json_object
from domain.model.users.aggregate import User
from domain.model.workspaces import membership, roles
from domain.model.workspaces.commands import (
    AddMember,
    ChangeMemberRole,
    CreateWorkspace,
    DeleteWorkspace,
    RemoveMember,
    UpdateWorkspace,
)
from domain.model.workspaces.events import (
    MemberAdded,
    MemberRemoved,
    MemberRoleChanged,
    WorkspaceCreated,
    WorkspaceDeleted,
    WorkspaceUpdated,
)

#: What its owners and admins may change.
DETAILS: Mapping[str, fields.Check] = {
    "name": fields.name,
    "description": fields.description,
    "is_public": fields.boolean,
    "settings": json_object,
}


class Workspace(Aggregate):
    """A place that members share. ``members`` maps a user's id to its role; one at least is owner."""

    aggregate_type: ClassVar[str] = "workspace"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.deleted = False
        self.details: dict[str, Any] = {}
        self.members: dict[str, str] = {}

    def decide(self, command: Any, witness: User | None = None) -> Sequence[Event]:
        if isinstance(command, CreateWorkspace):
            if self.version > 0:
                raise ConcurrencyConflict(aggregate_id=self.id, expected=0, actual=self.version)
            return [self._create(command, witness)]
        if self.version == 0:
            raise WorkspaceNotFound
        if self.deleted:
            raise AlreadyDeleted
        match command:
            case UpdateWorkspace():
                return self._update(command)
            case DeleteWorkspace():
                return [self._delete(command)]
            case AddMember():
                return [membership.add(self.members, command, witness)]
            case RemoveMember():
                return [membership.remove(self.members, command)]
            case ChangeMemberRole():
                return membership.change_role(self.members, command, witness)
            case _:
                raise TypeError(f"{type(command).__name__} is not a command for a workspace")

    def claims(self, event: Event) -> Claims:
        match event:
            case WorkspaceCreated():
                return Claims(reserve=(_reservation(event.name),), workspaces=1)
            case WorkspaceDeleted():
                return Claims(release=(_reservation(self.details["name"]),), workspaces=-1)
            case WorkspaceUpdated(changes={"name": name}):
                old, new = _reservation(self.details["name"]), _reservation(name)
                return NO_CLAIMS if old == new else Claims(reserve=(new,), release=(old,))
            case _:
                return NO_CLAIMS

    def _apply(self, event: Event) -> None:
        match event:
            case WorkspaceCreated():
                self.details = {field: getattr(event, field) for field in DETAILS}
                self.members = {event.owner_id: roles.OWNER}
            case WorkspaceUpdated():
                self.details.update(event.changes)
            case WorkspaceDeleted():
                self.deleted = True
            case MemberAdded():
                self.members[event.user_id] = event.role
            case MemberRemoved():
                del self.members[event.user_id]
            case MemberRoleChanged():
                self.members[event.user_id] = event.new_role

    def _create(self, command: CreateWorkspace, creator: User | None) -> Event:
        if creator is None or creator.tenant_id != command.tenant_id or not creator.is_active:
            raise CreatorNotActive
        fields.uuid("workspace_id", command.workspace_id)
        details = {field: check(field, getattr(command, field)) for field, check in DETAILS.items()}
        return WorkspaceCreated(owner_id=creator.id, **details)

    def _update(self, command: UpdateWorkspace) -> Sequence[Event]:
        if membership.standing(self.members, command) not in roles.MANAGERS:
            raise Forbidden
        wanted = fields.changes(command.changes, DETAILS)
        changes = {
            field: value for field, value in wanted.items() if canonical(value) != canonical(self.details[field])
        }
        return [WorkspaceUpdated(changes=changes)] if changes else []

    def _delete(self, command: DeleteWorkspace) -> Event:
        if membership.standing(self.members, command) != roles.OWNER:
            raise Forbidden
        return WorkspaceDeleted(deleted_by=fields.identifier("actor", command.actor.id))


def _reservation(name: str) -> Reservation:
    # The same letters can be written as different characters; to a reader of the list they are one name.
    return Reservation("workspace.name", unicodedata.normalize("NFC", name))
