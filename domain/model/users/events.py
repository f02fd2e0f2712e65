"""What happens to users."""

from __future__ import annotations

from dataclasses import dataclass

from domain.model.event import ChangeEvent, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistered(Event, type="user.registered"):
    """The user is pending, has the role user, no avatar, and the default time zone and language of fields.py."""

    user_id: str
    tenant_id: str
    email: str
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserActivated(Event, type="user.activated"):
    status: str = "active"
    previous_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeactivated(Event, type="user.deactivated"):
    status: str = "deactivated"
    previous_status: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUpdated(ChangeEvent, type="user.updated"):
    """Of first_name, last_name, avatar (None: it has none), timezone, language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRoleChanged(Event, type="user.role_changed"):
    """*action*: ``added`` or ``removed``."""

    role: str
    action: str
    changed_by: str
