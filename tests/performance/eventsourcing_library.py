"""The same projection with the projection runner of the Python library eventsourcing, on its own PostgreSQL recorder.

It is written as the library's documentation shows: a view that is a PostgresTrackingRecorder, whose methods change rows
and record the position in one transaction, and a projection that calls one of them for each event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

from domain.model.event import RecordedEvent
from domain.postgres.pool import Pool

#: The schema with the library's tables, and with a table like our own to be written to.
SCHEMA = "bench_library"

_USERS = f"{SCHEMA}.user_projections"


@dataclass(frozen=True)
class UserEvent(DomainEvent):
    tenant_id: str
    position: int
    payload: dict[str, Any]


class Registered(UserEvent):
    pass


class Activated(UserEvent):
    pass


class Updated(UserEvent):
    pass


class RoleChanged(UserEvent):
    pass


_CLASSES = {
    "user.registered": Registered,
    "user.activated": Activated,
    "user.updated": Updated,
    "user.role_changed": RoleChanged,
}


class Directory(Application[UUID]):
    """Where the events are recorded."""


class UserView(PostgresTrackingRecorder):
    """Rows of users, each changed by one statement, and the position tracked in the same transaction."""

    def run(self, tracking: Tracking, sql: str, *values: Any) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(sql, values, prepare=True)  # type: ignore[arg-type]
            self._insert_tracking(cursor, tracking)


class Users(Projection[UserView]):
    """What domain/read/projections/users.py does."""

    name = "users"

    def process_event(self, event: Any, tracking: Tracking) -> None:
        payload, key = event.payload, (event.originator_version, event.timestamp)
        where = (event.tenant_id, event.originator_id)
        update = f"UPDATE {_USERS} SET event_version = %s, updated_at = %s"
        if isinstance(event, Registered):
            self.view.run(
                tracking,
                f"INSERT INTO {_USERS} VALUES (%s, %s, %s, %s, %s, %s, NULL, 'UTC', 'en', 'pending', '{{user}}', NULL, "
                "%s, %s, %s, 1)",
                *where, payload["email"], payload["first_name"], payload["last_name"],
                f"{payload['first_name']} {payload['last_name']}", event.timestamp, event.timestamp, event.position,
            )  # fmt: skip
        elif isinstance(event, Activated):
            self.view.run(
                tracking,
                f"{update}, status = %s, deactivation_reason = NULL WHERE tenant_id = %s AND user_id = %s",
                *key, payload["status"], *where,
            )  # fmt: skip
        elif isinstance(event, RoleChanged):
            self.view.run(
                tracking,
                f"{update}, roles = array_append(array_remove(roles, %s), %s) WHERE tenant_id = %s AND user_id = %s",
                *key, payload["role"], payload["role"], *where,
            )  # fmt: skip
        else:
            self.view.run(
                tracking,
                f"{update}, first_name = %s, timezone = %s, display_name = %s || ' ' || last_name "
                "WHERE tenant_id = %s AND user_id = %s",
                *key, payload["first_name"], payload["timezone"], payload["first_name"], *where,
            )  # fmt: skip


def environment(url: str) -> dict[str, str]:
    """Return the library's settings for the database at *url*."""
    parts = urlsplit(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.strip("/"),
        "POSTGRES_HOST": parts.hostname or "127.0.0.1",
        "POSTGRES_PORT": str(parts.port or 5432),
        "POSTGRES_USER": unquote(parts.username or "postgres"),
        "POSTGRES_PASSWORD": unquote(parts.password or "-"),
        "POSTGRES_SCHEMA": SCHEMA,
    }


def record(url: str, events: Iterable[RecordedEvent]) -> int:
    """Record the *events* with the library's recorder; return the last notification's id."""
    application = Directory(env=environment(url))
    stored = [application.mapper.to_stored_event(_event(event)) for event in events]
    for start in range(0, len(stored), 1000):
        application.recorder.insert_events(stored[start : start + 1000])
    last = application.recorder.max_notification_id()
    application.close()
    return last or 0


def _event(event: RecordedEvent) -> UserEvent:
    return _CLASSES[event.event_type](
        originator_id=UUID(event.aggregate_id),
        originator_version=event.version,
        timestamp=event.occurred_at,
        tenant_id=event.tenant_id,
        position=event.position,
        payload=event.payload,
    )


def forget(pool: Pool) -> None:
    """Let the projection begin anew."""
    with pool.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (SCHEMA,))
        for (table,) in cursor.fetchall():
            if table.endswith("_tracking"):
                cursor.execute(f"DROP TABLE {SCHEMA}.{table}")


def project(url: str, last: int) -> None:
    """Run the projection until it has processed the notification *last*."""
    with ProjectionRunner(
        application_class=Directory, projection_class=Users, view_class=UserView, env=environment(url)
    ) as runner:
        runner.wait(last, timeout=600)
