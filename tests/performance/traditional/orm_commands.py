"""The commands by SQLAlchemy's ORM: one transaction each, in which locks and unique constraints keep the rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from domain.model.actor import Actor
from domain.model.errors import (
    AlreadyMember,
    CreatorNotActive,
    EmailTaken,
    MemberUserNotFound,
    QuotaExceeded,
    TenantNotFound,
    UserNotActive,
    UserNotFound,
    WorkspaceNameTaken,
    WorkspaceNotFound,
)
from domain.model.workspaces.roles import OWNER
from tests.performance.traditional.directory import Written, check_manager
from tests.performance.traditional.models import Membership, Tenant, User, UserRole, Workspace


class OrmCommands:
    def __init__(self, engine: Engine) -> None:
        self._writing = sessionmaker(engine, expire_on_commit=False)

    def register_user(self, tenant_id: str, fields: dict[str, Any]) -> Written:
        with self._writing.begin() as session:
            tenant = _locked_tenant(session, tenant_id)
            users = session.scalar(select(func.count()).where(User.tenant_id == tenant.id)) or 0
            if users >= tenant.max_users:
                raise QuotaExceeded(resource="users", limit=tenant.max_users)
            now = datetime.now(UTC)
            user = User(
                id=uuid4(), tenant_id=tenant.id, timezone="UTC", language="en", status="pending", created_at=now,
                updated_at=now, roles=[UserRole(role="user")], **fields,
            )  # fmt: skip
            session.add(user)
            try:
                session.flush()
            except IntegrityError:
                raise EmailTaken from None
            return Written(str(user.id), user.version)

    def update_user(self, tenant_id: str, user_id: str, changes: dict[str, Any]) -> Written:
        with self._writing.begin() as session:
            user = session.get(User, UUID(user_id), with_for_update={"key_share": True})
            if user is None or user.tenant_id != UUID(tenant_id):
                raise UserNotFound
            if not user.is_active:
                raise UserNotActive
            for field, value in changes.items():
                setattr(user, field, value)
            if session.is_modified(user):
                user.version += 1
                user.updated_at = datetime.now(UTC)
            return Written(user_id, user.version)

    def create_workspace(self, tenant_id: str, owner_id: str, fields: dict[str, Any]) -> Written:
        with self._writing.begin() as session:
            owner = session.get(User, UUID(owner_id))
            if owner is None or owner.tenant_id != UUID(tenant_id) or not owner.is_active:
                raise CreatorNotActive
            tenant = _locked_tenant(session, tenant_id)
            living = Workspace.tenant_id == tenant.id, Workspace.status == "active"
            workspaces = session.scalar(select(func.count()).where(*living)) or 0
            if workspaces >= tenant.max_workspaces:
                raise QuotaExceeded(resource="workspaces", limit=tenant.max_workspaces)
            now = datetime.now(UTC)
            workspace = Workspace(
                id=uuid4(), tenant_id=tenant.id, owner_id=owner.id, status="active", created_at=now, updated_at=now,
                **fields,
            )  # fmt: skip
            session.add(workspace)
            try:
                session.flush()
            except IntegrityError:
                raise WorkspaceNameTaken from None
            session.add(_new_member(workspace, owner.id, OWNER, now))
            return Written(str(workspace.id), workspace.version)

    def add_member(self, actor: Actor, tenant_id: str, workspace_id: str, user_id: str, role: str) -> Written:
        with self._writing.begin() as session:
            workspace = session.get(Workspace, UUID(workspace_id), with_for_update={"key_share": True})
            if workspace is None or workspace.tenant_id != UUID(tenant_id) or workspace.status != "active":
                raise WorkspaceNotFound
            if actor.administers(tenant_id):
                own: str | None = OWNER
            else:
                acting = session.get(Membership, (workspace.id, UUID(actor.id)))
                own = None if acting is None else acting.role
            check_manager(own, role)
            user = session.get(User, UUID(user_id))
            if user is None or user.tenant_id != workspace.tenant_id:
                raise MemberUserNotFound
            if not user.is_active:
                raise UserNotActive
            now = datetime.now(UTC)
            session.add(_new_member(workspace, user.id, role, now))
            workspace.version += 1
            workspace.updated_at = now
            try:
                session.flush()
            except IntegrityError:
                raise AlreadyMember from None
            return Written(workspace_id, workspace.version)


def _locked_tenant(session: Session, tenant_id: str) -> Tenant:
    """The tenant, locked against others who would count what it has at the same time."""
    tenant = session.get(Tenant, UUID(tenant_id), with_for_update={"key_share": True})
    if tenant is None:
        raise TenantNotFound
    return tenant


def _new_member(workspace: Workspace, user_id: UUID, role: str, now: datetime) -> Membership:
    return Membership(workspace_id=workspace.id, user_id=user_id, role=role, joined_at=now, updated_at=now)
