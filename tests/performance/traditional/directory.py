"""What both traditional applications can do, and the rules that both apply."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from domain.model.actor import Actor
from domain.model.errors import Forbidden
from domain.model.workspaces.roles import MANAGERS, OWNER

#: As in the service: how many members come with a workspace, and how many of each with a dashboard.
FIRST_MEMBERS, RECENT = 100, 10


class Page(NamedTuple):
    """Which part of a list is asked for; *beyond* comes from a cursor."""

    limit: int = 50
    offset: int = 0
    beyond: int | None = None


class Written(NamedTuple):
    """What a command answers."""

    id: str
    version: int


class Queries(Protocol):
    """Questions are answered with JSON, None where there is no such thing in the tenant."""

    def user(self, tenant_id: str, user_id: str) -> bytes | None: ...
    def users_of_tenant(self, tenant_id: str, page: Page, active_only: bool) -> bytes | None: ...
    def workspace(self, tenant_id: str, workspace_id: str) -> bytes | None: ...
    def workspaces_of_tenant(self, tenant_id: str, page: Page) -> bytes | None: ...
    def workspace_members(self, tenant_id: str, workspace_id: str, page: Page) -> bytes | None: ...
    def tenant_summary(self, tenant_id: str) -> bytes | None: ...
    def dashboard(self, tenant_id: str) -> bytes | None: ...


class Commands(Protocol):
    """Each is one transaction. They raise errors of the domain; their values have been checked before."""

    def register_user(self, tenant_id: str, fields: dict[str, Any]) -> Written: ...
    def update_user(self, tenant_id: str, user_id: str, changes: dict[str, Any]) -> Written: ...
    def create_workspace(self, tenant_id: str, owner_id: str, fields: dict[str, Any]) -> Written: ...
    def add_member(self, actor: Actor, tenant_id: str, workspace_id: str, user_id: str, role: str) -> Written: ...


def check_manager(role: str | None, wanted: str) -> None:
    """Raise Forbidden unless one who is *role* in a workspace may add a member who is to be *wanted*."""
    if role not in MANAGERS or (wanted == OWNER and role != OWNER):
        raise Forbidden
