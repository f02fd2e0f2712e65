"""What happens to workspaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.model.event import ChangeEvent, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceCreated(Event, type="workspace.created"):
    """The owner is the first member too; no event of its own says so."""

    name: str
    description: str
    owner_id: str
    is_public: bool
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceUpdated(ChangeEvent, type="workspace.updated"):
    """Of name, description, is_public, settings (as a whole)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceDeleted(Event, type="workspace.deleted"):
    deleted_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdded(Event, type="workspace.member_added"):
    user_id: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemoved(Event, type="workspace.member_removed"):
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRoleChanged(Event, type="workspace.member_role_changed"):
    user_id: str
    old_role: str
    new_role: str
