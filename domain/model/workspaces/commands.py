"""What one may want done to a workspace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from domain.model.command import Command
from domain.model.fields import is_uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceCommand(Command):
    aggregate_type: ClassVar[str] = "workspace"

    workspace_id: str

    @property
    def aggregate_id(self) -> str:
        return self.workspace_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateWorkspace(WorkspaceCommand):
    """The actor becomes its owner and first member."""

    creates: ClassVar[bool] = True

    name: str
    description: str = ""
    is_public: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def witness_id(self) -> str | None:
        # A service may act under an id that is no UUID, and then it is no user either.
        return self.actor.id if is_uuid(self.actor.id) else None

    @property
    def sender_id(self) -> str | None:
        # More is asked of the creator, as the witness.
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateWorkspace(WorkspaceCommand):
    """*changes*: the new values of any of name, description, is_public, settings (as a whole)."""

    changes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteWorkspace(WorkspaceCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCommand(WorkspaceCommand):
    """Gives a user a role in the workspace."""

    user_id: str
    role: str

    @property
    def witness_id(self) -> str | None:
        # What is no UUID is refused by the workspace; nothing can be looked up by it.
        return self.user_id if is_uuid(self.user_id) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMember(RoleCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveMember(WorkspaceCommand):
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMemberRole(RoleCommand):
    pass
