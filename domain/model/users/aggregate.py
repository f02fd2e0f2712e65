"""The rules about users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from domain.model import fields
from domain.model.aggregate import Aggregate
from domain.model.claims import NO_CLAIMS, Claims, Reservation
from domain.model.errors import (
    BaseRoleRequired,
    ConcurrencyConflict,
    Forbidden,
    SenderDeactivated,
    UserAlreadyActive,
    UserAlreadyDeactivated,
    UserNotActive,
    UserNotFound,
)
from domain.model.event import Event
from domain.model.users import roles
from domain.model.users.commands import ActivateUser, AddRole, DeactivateUser, RegisterUser, RemoveRole, UpdateUser
from domain.model.users.events import (
    UserActivated,
    UserDeactivated,
    UserRegistered,
    UserRoleChanged,
    UserUpdated,
)

PENDING, ACTIVE, DEACTIVATED = "pending", "active", "deactivated"

#: What a user may say about itself.
PROFILE: Mapping[str, fields.Check] = {
    "first_name": fields.name,
    "last_name": fields.name,
    "avatar": fields.avatar,
    "timezone": fields.timezone,
    "language": fields.language,
}


class User(Aggregate):
    """A person in a tenant. Its tenant's admins do everything with it; it may update its own profile."""

    aggregate_type: ClassVar[str] = "user"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.tenant_id = ""
        self.email = ""
        self.status = PENDING
        self.roles: list[str] = [roles.USER]
        self.profile: dict[str, Any] = {}

    @property
    def is_active(self) -> bool:
        return self.status == ACTIVE

    def refuse_if_deactivated(self) -> None:
        """Raise SenderDeactivated if this is a user whose commands are not taken any more."""
        if self.status == DEACTIVATED:
            raise SenderDeactivated

    def decide(self, command: Any, witness: Any = None) -> Sequence[Event]:  # noqa: ARG002
        if isinstance(command, RegisterUser):
            if self.version > 0:
                raise ConcurrencyConflict(aggregate_id=self.id, expected=0, actual=self.version)
        elif self.version == 0 or command.tenant_id != self.tenant_id:
            raise UserNotFound
        oneself = isinstance(command, UpdateUser) and command.actor.id == self.id
        if not oneself and not command.actor.administers(command.tenant_id):
            raise Forbidden
        if command.actor.id == self.id and command.actor.tenant_id == command.tenant_id and not oneself:
            self.refuse_if_deactivated()
        match command:
            case RegisterUser():
                return [self._register(command)]
            case UpdateUser():
                return self._update(command)
            case ActivateUser():
                return [self._activate()]
            case DeactivateUser():
                return [self._deactivate(command)]
            case AddRole() | RemoveRole():
                return self._change_role(command)
            case _:
                raise TypeError(f"{type(command).__name__} is not a command for a user")

    def claims(self, event: Event) -> Claims:
        match event:
            case UserRegistered():
                return Claims(reserve=(Reservation("user.email", event.email.casefold()),), users=1)
            case _:
                return NO_CLAIMS

    def _apply(self, event: Event) -> None:
        match event:
            case UserRegistered():
                self.tenant_id, self.email = event.tenant_id, event.email
                self.profile = {
                    "first_name": event.first_name,
                    "last_name": event.last_name,
                    "avatar": None,
                    "timezone": fields.DEFAULT_TIMEZONE,
                    "language": fields.DEFAULT_LANGUAGE,
                }
            case UserActivated() | UserDeactivated():
                self.status = event.status
            case UserUpdated():
                self.profile.update(event.changes)
            case UserRoleChanged(action="added"):
                self.roles.append(event.role)
            case UserRoleChanged(action="removed"):
                self.roles.remove(event.role)

    def _register(self, command: RegisterUser) -> Event:
        return UserRegistered(
            user_id=fields.uuid("user_id", command.user_id),
            tenant_id=fields.uuid("tenant_id", command.tenant_id),
            email=fields.email("email", command.email),
            first_name=fields.name("first_name", command.first_name),
            last_name=fields.name("last_name", command.last_name),
        )

    def _update(self, command: UpdateUser) -> Sequence[Event]:
        wanted = fields.changes(command.changes, PROFILE)
        if not self.is_active:
            raise UserNotActive
        changes = {field: value for field, value in wanted.items() if value != self.profile[field]}
        return [UserUpdated(changes=changes)] if changes else []

    def _activate(self) -> Event:
        if self.status == ACTIVE:
            raise UserAlreadyActive
        return UserActivated(previous_status=self.status)

    def _deactivate(self, command: DeactivateUser) -> Event:
        reason = fields.reason("reason", command.reason)
        if self.status == DEACTIVATED:
            raise UserAlreadyDeactivated
        return UserDeactivated(previous_status=self.status, reason=reason)

    def _change_role(self, command: AddRole | RemoveRole) -> Sequence[Event]:
        role = fields.one_of("role", command.role, roles.ROLES)
        if role == roles.SUPER_ADMIN and not command.actor.is_super_admin:
            raise Forbidden
        adding = isinstance(command, AddRole)
        if role == roles.USER and not adding:
            raise BaseRoleRequired
        if adding == (role in self.roles):
            return []
        changed_by = fields.identifier("actor", command.actor.id)
        return [UserRoleChanged(role=role, action="added" if adding else "removed", changed_by=changed_by)]
