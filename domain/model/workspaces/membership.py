"""The rules about who may come into a workspace, leave it, and be what in it.

*members* maps a user's id to its role, and is not changed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.model import fields
from domain.model.errors import (
    AlreadyMember,
    Forbidden,
    LastOwner,
    MemberNotFound,
    MemberUserNotFound,
    UserNotActive,
)
from domain.model.event import Event
from domain.model.users.aggregate import User
from domain.model.workspaces import roles
from domain.model.workspaces.commands import AddMember, ChangeMemberRole, RemoveMember, WorkspaceCommand
from domain.model.workspaces.events import MemberAdded, MemberRemoved, MemberRoleChanged

Members = Mapping[str, str]


def standing(members: Members, command: WorkspaceCommand) -> str | None:
    """Return the role that the command's actor acts in: a tenant's admin acts as an owner. None for an outsider."""
    if command.actor.administers(command.tenant_id):
        return roles.OWNER
    return members.get(command.actor.id)


def add(members: Members, command: AddMember, user: User | None) -> Event:
    """*user* is the one to be added, as far as there is such a user."""
    own = _manager(members, command)
    user_id = fields.uuid("user_id", command.user_id)
    role = fields.one_of("role", command.role, roles.ROLES)
    _only_owners_make_owners(own, role)
    if user_id in members:
        raise AlreadyMember
    if user is None or user.version == 0 or user.tenant_id != command.tenant_id:
        raise MemberUserNotFound
    if not user.is_active:
        raise UserNotActive
    return MemberAdded(user_id=user_id, role=role)


def remove(members: Members, command: RemoveMember) -> Event:
    own = standing(members, command)
    leaving = own is not None and command.user_id == command.actor.id
    if not leaving and own not in roles.MANAGERS:
        raise Forbidden
    user_id = fields.uuid("user_id", command.user_id)
    if user_id not in members:
        raise MemberNotFound
    if not leaving:
        _only_owners_make_owners(own, members[user_id])
    _keep_an_owner(members, user_id)
    return MemberRemoved(user_id=user_id)


def change_role(members: Members, command: ChangeMemberRole, user: User | None) -> Sequence[Event]:
    """*user* is the member. One who isn't active may lose rights, and gets none: an owner has to be able to act."""
    own = _manager(members, command)
    user_id = fields.uuid("user_id", command.user_id)
    role = fields.one_of("role", command.role, roles.ROLES)
    _only_owners_make_owners(own, role)
    if user_id not in members:
        raise MemberNotFound
    old = members[user_id]
    _only_owners_make_owners(own, old)
    if role == old:
        return []
    if roles.ROLES.index(role) < roles.ROLES.index(old) and not (user and user.is_active):
        raise UserNotActive
    _keep_an_owner(members, user_id)
    return [MemberRoleChanged(user_id=user_id, old_role=old, new_role=role)]


def _manager(members: Members, command: WorkspaceCommand) -> str | None:
    own = standing(members, command)
    if own not in roles.MANAGERS:
        raise Forbidden
    return own


def _only_owners_make_owners(own: str | None, role: str) -> None:
    if role == roles.OWNER and own != roles.OWNER:
        raise Forbidden


def _keep_an_owner(members: Members, leaver: str) -> None:
    """Raise LastOwner if *leaver* is the only owner."""
    if members[leaver] == roles.OWNER and not any(
        role == roles.OWNER and user_id != leaver for user_id, role in members.items()
    ):
        raise LastOwner
