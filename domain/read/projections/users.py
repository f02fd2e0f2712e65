"""The users as the queries show them."""

from __future__ import annotations

from domain.model.event import RecordedEvent
from domain.model.fields import DEFAULT_LANGUAGE, DEFAULT_TIMEZONE
from domain.model.users.roles import USER
from domain.read import schema
from domain.read.projection import Projection
from domain.read.rows import Rows
from domain.read.tables import Row

users = Projection("users")
USERS = users.owns(schema.users, "user")


@users.on("user.registered")
def registered(user: Row, event: RecordedEvent, _: Rows) -> None:
    payload = event.payload
    user.update(
        email=payload["email"],
        first_name=payload["first_name"],
        last_name=payload["last_name"],
        display_name=f"{payload['first_name']} {payload['last_name']}",
        avatar=None,
        timezone=DEFAULT_TIMEZONE,
        language=DEFAULT_LANGUAGE,
        status="pending",
        roles=[USER],
        deactivation_reason=None,
        created_at=event.occurred_at,
        updated_at=event.occurred_at,
        created_position=event.position,
    )


@users.on("user.activated")
def activated(user: Row, event: RecordedEvent, _: Rows) -> None:
    user.update(status=event.payload["status"], deactivation_reason=None, updated_at=event.occurred_at)


@users.on("user.deactivated")
def deactivated(user: Row, event: RecordedEvent, _: Rows) -> None:
    payload = event.payload
    user.update(status=payload["status"], deactivation_reason=payload["reason"], updated_at=event.occurred_at)


@users.on("user.updated")
def updated(user: Row, event: RecordedEvent, _: Rows) -> None:
    for field in ("first_name", "last_name", "avatar", "timezone", "language"):
        if field in event.payload:
            user[field] = event.payload[field]
    user.update(display_name=f"{user['first_name']} {user['last_name']}", updated_at=event.occurred_at)


@users.on("user.role_changed")
def role_changed(user: Row, event: RecordedEvent, _: Rows) -> None:
    role = event.payload["role"]
    others = [held for held in user["roles"] if held != role]
    user.update(
        roles=[*others, role] if event.payload["action"] == "added" else others,
        updated_at=event.occurred_at,
    )
