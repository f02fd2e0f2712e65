"""What one may want done to a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from domain.model.command import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCommand(Command):
    aggregate_type: ClassVar[str] = "user"

    user_id: str

    @property
    def aggregate_id(self) -> str:
        return self.user_id


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterUser(UserCommand):
    creates: ClassVar[bool] = True

    email: str
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateUser(UserCommand):
    """*changes*: the new values of any of first_name, last_name, avatar (None takes it away), timezone, language."""

    changes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateUser(UserCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DeactivateUser(UserCommand):
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRole(UserCommand):
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveRole(UserCommand):
    role: str
