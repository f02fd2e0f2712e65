"""The commands by hand-written SQL: as few round trips as the rules allow."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import orjson
from psycopg2.errors import UniqueViolation

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
from domain.postgres.pool import Pool
from domain.postgres.statements import statements
from tests.performance.traditional.directory import Written, check_manager

_CHANGING = ("first_name", "last_name", "avatar", "timezone", "language")


class SqlCommands:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._texts = statements(__package__)

    def register_user(self, tenant_id: str, fields: dict[str, Any]) -> Written:
        values = {"id": str(uuid4()), "tenant_id": tenant_id, **fields}
        with self._pool.cursor() as cursor:
            try:
                cursor.execute(self._texts["register_user"], values)
            except UniqueViolation:
                raise EmailTaken from None
            made = cursor.fetchone()
        if made is None:
            users, _, _ = self._why_not(tenant_id, None)
            raise QuotaExceeded(resource="users", limit=users)
        return Written(values["id"], made[0])

    def update_user(self, tenant_id: str, user_id: str, changes: dict[str, Any]) -> Written:
        with self._pool.transaction() as cursor:
            cursor.execute(self._texts["changed_user"], {"user_id": user_id, "tenant_id": tenant_id})
            found = cursor.fetchone()
            if found is None:
                raise UserNotFound
            status, version, *present = found
            if status != "active":
                raise UserNotActive
            old = dict(zip(_CHANGING, present, strict=True))
            new = {field: value for field, value in changes.items() if value != old[field]}
            if new:
                text = self._texts["update_user"].format(changes=", ".join(f"{field} = %({field})s" for field in new))
                cursor.execute(text, {"user_id": user_id, **new})
                (version,) = cursor.fetchone() or (version,)
        return Written(user_id, version)

    def create_workspace(self, tenant_id: str, owner_id: str, fields: dict[str, Any]) -> Written:
        values = {"id": str(uuid4()), "tenant_id": tenant_id, "owner_id": owner_id, **fields}
        values["settings"] = orjson.dumps(fields["settings"]).decode()
        with self._pool.cursor() as cursor:
            try:
                cursor.execute(self._texts["create_workspace"], values)
            except UniqueViolation:
                raise WorkspaceNameTaken from None
            made = cursor.fetchone()
        if made is None:
            _, workspaces, status = self._why_not(tenant_id, owner_id)
            if status != "active":
                raise CreatorNotActive
            raise QuotaExceeded(resource="workspaces", limit=workspaces)
        return Written(values["id"], made[0])

    def add_member(self, actor: Actor, tenant_id: str, workspace_id: str, user_id: str, role: str) -> Written:
        values = {"tenant_id": tenant_id, "workspace_id": workspace_id, "user_id": user_id, "role": role}
        with self._pool.transaction() as cursor:
            cursor.execute(self._texts["standing"], {**values, "actor_id": actor.id})
            found = cursor.fetchone()
            if found is None:
                raise WorkspaceNotFound
            own, status = found
            check_manager(OWNER if actor.administers(tenant_id) else own, role)
            if status is None:
                raise MemberUserNotFound
            if status != "active":
                raise UserNotActive
            try:
                cursor.execute(self._texts["add_member"], values)
            except UniqueViolation:
                raise AlreadyMember from None
            (version,) = cursor.fetchone() or (0,)
        return Written(workspace_id, version)

    def _why_not(self, tenant_id: str, owner_id: str | None) -> tuple[int, int, str | None]:
        """Return what the tenant's plan allows, and the owner's status. Raises TenantNotFound."""
        with self._pool.cursor() as cursor:
            cursor.execute(self._texts["why_not_made"], {"tenant_id": tenant_id, "owner_id": owner_id})
            found = cursor.fetchone()
        if found is None:
            raise TenantNotFound
        users, workspaces, status = found
        return users, workspaces, status
