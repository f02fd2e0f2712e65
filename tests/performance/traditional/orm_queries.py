"""The questions by SQLAlchemy's ORM: eager loading, counts in SQL, a constant number of statements for each answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Engine, Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload, sessionmaker

from domain.read import cursor
from tests.performance.traditional.directory import FIRST_MEMBERS, RECENT, Page
from tests.performance.traditional.models import Membership, Tenant, User, Workspace


class OrmQueries:
    def __init__(self, engine: Engine) -> None:
        # Reading needs no transaction: BEGIN and ROLLBACK would be two round trips for nothing.
        self._reading = sessionmaker(engine.execution_options(isolation_level="AUTOCOMMIT"), expire_on_commit=False)

    def user(self, tenant_id: str, user_id: str) -> bytes | None:
        asked = select(User).where(User.id == UUID(user_id), User.tenant_id == UUID(tenant_id))
        with self._reading() as session:
            found = session.scalars(asked.options(joinedload(User.roles))).unique().one_or_none()
            return None if found is None else orjson.dumps(_user(found))

    def users_of_tenant(self, tenant_id: str, page: Page, active_only: bool) -> bytes | None:
        asked = select(User).where(User.tenant_id == UUID(tenant_id)).order_by(User.seq.desc())
        counted = select(func.count()).where(User.tenant_id == UUID(tenant_id))
        if active_only:
            asked, counted = asked.where(User.status == "active"), counted.where(User.status == "active")
        if page.beyond is not None:
            asked = asked.where(User.seq < page.beyond)
        with self._reading() as session:
            total = session.scalar(_of_tenant(tenant_id, counted))
            if total is None:
                return None
            found = session.scalars(_part(asked.options(selectinload(User.roles)), page)).all()
            return _list("users", "u", [_user(each) for each in found], found, page, total)

    def workspace(self, tenant_id: str, workspace_id: str) -> bytes | None:
        with self._reading() as session:
            found = session.scalars(_workspace_of(tenant_id, workspace_id)).one_or_none()
            if found is None:
                return None
            members = session.scalars(_members(workspace_id).limit(FIRST_MEMBERS)).all()
            return orjson.dumps(_workspace(found) | {"members": [_member(each) for each in members]})

    def workspaces_of_tenant(self, tenant_id: str, page: Page) -> bytes | None:
        with self._reading() as session:
            total = session.scalar(_of_tenant(tenant_id, select(func.count()).where(*_living(tenant_id))))
            if total is None:
                return None
            asked = select(Workspace).where(*_living(tenant_id)).order_by(Workspace.seq.desc())
            if page.beyond is not None:
                asked = asked.where(Workspace.seq < page.beyond)
            found = session.scalars(_part(asked, page)).all()
            return _list("workspaces", "w", [_workspace(each) for each in found], found, page, total)

    def workspace_members(self, tenant_id: str, workspace_id: str, page: Page) -> bytes | None:
        with self._reading() as session:
            total = session.scalar(
                select(Workspace.member_count).where(*_living(tenant_id), Workspace.id == UUID(workspace_id))
            )
            if total is None:
                return None
            asked = _members(workspace_id)
            if page.beyond is not None:
                asked = asked.where(Membership.seq > page.beyond)
            found = session.scalars(_part(asked, page)).all()
            return _list("members", "m", [_member(each) for each in found], found, page, total)

    def tenant_summary(self, tenant_id: str) -> bytes | None:
        with self._reading() as session:
            summary = _summary(session, tenant_id)
            return None if summary is None else orjson.dumps(summary)

    def dashboard(self, tenant_id: str) -> bytes | None:
        with self._reading() as session:
            summary = _summary(session, tenant_id)
            if summary is None:
                return None
            users = select(User).where(User.tenant_id == UUID(tenant_id)).options(selectinload(User.roles))
            workspaces = select(Workspace).where(*_living(tenant_id)).order_by(Workspace.seq.desc())
            return orjson.dumps(
                {
                    "summary": summary,
                    "recent_users": [
                        _user(each) for each in session.scalars(users.order_by(User.seq.desc()).limit(RECENT))
                    ],
                    "recent_workspaces": [_workspace(each) for each in session.scalars(workspaces.limit(RECENT))],
                }
            )


def _of_tenant(tenant_id: str, counted: Select[Any]) -> Select[Any]:
    """What *counted* counts; no row where there is no such tenant."""
    return select(counted.scalar_subquery()).select_from(Tenant).where(Tenant.id == UUID(tenant_id))


def _part(asked: Select[Any], page: Page) -> Select[Any]:
    # One more than asked for says whether the list goes on.
    return asked.limit(page.limit + 1).offset(page.offset)


def _list(name: str, letter: str, shown: list[dict[str, Any]], rows: Sequence[Any], page: Page, total: int) -> bytes:
    more = len(rows) > page.limit
    shown = shown[: page.limit]
    pagination = {
        "limit": page.limit,
        "offset": page.offset,
        "count": len(shown),
        "total": total,
        "next_cursor": cursor.encode(letter, rows[page.limit - 1].seq) if more else None,
    }
    return orjson.dumps({name: shown, "pagination": pagination})


def _living(tenant_id: str) -> tuple[Any, ...]:
    return Workspace.tenant_id == UUID(tenant_id), Workspace.status == "active"


def _workspace_of(tenant_id: str, workspace_id: str) -> Select[Any]:
    return select(Workspace).where(*_living(tenant_id), Workspace.id == UUID(workspace_id))


def _members(workspace_id: str) -> Select[Any]:
    asked = select(Membership).where(Membership.workspace_id == UUID(workspace_id)).order_by(Membership.seq)
    return asked.options(joinedload(Membership.user))


def _summary(session: Session, tenant_id: str) -> dict[str, Any] | None:
    users = select(func.count()).where(User.tenant_id == Tenant.id).correlate(Tenant)
    workspaces = select(func.count()).where(Workspace.tenant_id == Tenant.id, Workspace.status == "active")
    found = session.execute(
        select(
            Tenant,
            users.scalar_subquery(),
            users.where(User.status == "active").scalar_subquery(),
            workspaces.correlate(Tenant).scalar_subquery(),
        ).where(Tenant.id == UUID(tenant_id))
    ).one_or_none()
    if found is None:
        return None
    tenant, total_users, active_users, total_workspaces = found
    return {
        "tenant_id": tenant.id,
        "name": tenant.name,
        "slug": tenant.slug,
        "plan_type": tenant.plan,
        "total_users": total_users,
        "active_users": active_users,
        "total_workspaces": total_workspaces,
        "quotas": {"users": tenant.max_users, "workspaces": tenant.max_workspaces},
        "created_at": tenant.created_at,
        "updated_at": tenant.updated_at,
        "event_version": tenant.version,
    }


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "tenant_id": user.tenant_id,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "display_name": user.display_name,
        "avatar": user.avatar,
        "timezone": user.timezone,
        "language": user.language,
        "status": user.status,
        "is_active": user.is_active,
        "roles": [each.role for each in user.roles],
        "deactivation_reason": user.deactivation_reason,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
        "event_version": user.version,
    }


def _workspace(workspace: Workspace) -> dict[str, Any]:
    return {
        "id": workspace.id,
        "tenant_id": workspace.tenant_id,
        "name": workspace.name,
        "description": workspace.description,
        "owner_id": workspace.owner_id,
        "status": workspace.status,
        "is_public": workspace.is_public,
        "settings": workspace.settings,
        "member_count": workspace.member_count,
        "created_at": workspace.created_at,
        "updated_at": workspace.updated_at,
        "event_version": workspace.version,
    }


def _member(membership: Membership) -> dict[str, Any]:
    return {
        "user_id": membership.user_id,
        "display_name": membership.user.display_name,
        "email": membership.user.email,
        "role": membership.role,
        "joined_at": membership.joined_at,
        "updated_at": membership.updated_at,
    }
