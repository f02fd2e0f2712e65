"""The tables as SQLAlchemy's ORM sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column, relationship


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012 - as SQLAlchemy documents it
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }
    __table_args__ = {"schema": "traditional"}  # noqa: RUF012


def _seq() -> Mapped[int]:
    return mapped_column(BigInteger, Identity())


class Tenant(Base):
    __tablename__ = "tenants"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    slug: Mapped[str]
    plan: Mapped[str]
    max_users: Mapped[int]
    max_workspaces: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)


class UserRole(Base):
    __tablename__ = "user_roles"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("traditional.users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = _seq()


class User(Base):
    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("traditional.tenants.id"))
    seq: Mapped[int] = _seq()
    email: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    avatar: Mapped[str | None]
    timezone: Mapped[str]
    language: Mapped[str]
    status: Mapped[str]
    deactivation_reason: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    roles: Mapped[list[UserRole]] = relationship(order_by=UserRole.seq)

    @property
    def display_name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def is_active(self) -> bool:
        return self.status == "active"


class Membership(Base):
    __tablename__ = "memberships"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("traditional.workspaces.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("traditional.users.id"), primary_key=True)
    seq: Mapped[int] = _seq()
    role: Mapped[str]
    joined_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    user: Mapped[User] = relationship()


class Workspace(Base):
    __tablename__ = "workspaces"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("traditional.tenants.id"))
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("traditional.users.id"))
    seq: Mapped[int] = _seq()
    name: Mapped[str]
    description: Mapped[str]
    status: Mapped[str]
    is_public: Mapped[bool]
    settings: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)


#: Counted in the same statement as the workspaces themselves.
Workspace.member_count = column_property(  # type: ignore[attr-defined]
    select(func.count()).where(Membership.workspace_id == Workspace.id).correlate_except(Membership).scalar_subquery()
)
