"""The questions by hand-written SQL: one statement each, which a session plans once."""

from __future__ import annotations

from typing import Any

from domain.postgres.pool import Pool
from domain.postgres.prepared import Prepared
from domain.postgres.statements import statements
from tests.performance.traditional.directory import FIRST_MEMBERS, RECENT, Page

_PARTS = ("user_fields", "workspace_fields", "member_fields", "summary_fields", "items", "pagination")

#: Past the last place that a list can have.
_END = 2**63 - 1


_TYPES = {
    "tenant_id": "uuid", "user_id": "uuid", "workspace_id": "uuid", "list": "text", "beyond": "bigint",
    "limit": "integer", "offset": "integer",
}  # fmt: skip


def _statements() -> dict[str, Prepared]:
    texts = statements(__package__)
    parts = {name: texts[name] for name in _PARTS}
    found = {name: texts[name].format_map(parts) for name in dir(SqlQueries) if not name.startswith("_")}
    # Only with the value in the text does the planner see that the index of active users is enough.
    users = found["users_of_tenant"]
    found["users_of_tenant"] = users.replace("%(active_only)s", "false")
    found["active_users_of_tenant"] = users.replace("%(active_only)s", "true")
    return {name: Prepared(text, name=f"traditional_{name}", types=_TYPES) for name, text in found.items()}


class SqlQueries:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._texts = _statements()

    def user(self, tenant_id: str, user_id: str) -> bytes | None:
        return self._ask("user", tenant_id=tenant_id, user_id=user_id)

    def users_of_tenant(self, tenant_id: str, page: Page, active_only: bool) -> bytes | None:
        query = "active_users_of_tenant" if active_only else "users_of_tenant"
        return self._ask(query, **_part("u", page, _END), tenant_id=tenant_id)

    def workspace(self, tenant_id: str, workspace_id: str) -> bytes | None:
        return self._ask("workspace", tenant_id=tenant_id, workspace_id=workspace_id, limit=FIRST_MEMBERS)

    def workspaces_of_tenant(self, tenant_id: str, page: Page) -> bytes | None:
        return self._ask("workspaces_of_tenant", **_part("w", page, _END), tenant_id=tenant_id)

    def workspace_members(self, tenant_id: str, workspace_id: str, page: Page) -> bytes | None:
        return self._ask("workspace_members", **_part("m", page, 0), tenant_id=tenant_id, workspace_id=workspace_id)

    def tenant_summary(self, tenant_id: str) -> bytes | None:
        return self._ask("tenant_summary", tenant_id=tenant_id)

    def dashboard(self, tenant_id: str) -> bytes | None:
        return self._ask("dashboard", tenant_id=tenant_id, limit=RECENT)

    def _ask(self, query: str, **values: Any) -> bytes | None:
        with self._pool.cursor() as cursor:
            self._texts[query].run(cursor, values)
            (body,) = cursor.fetchone() or (None,)
        return None if body is None else body.encode()


def _part(letter: str, page: Page, start: int) -> dict[str, Any]:
    beyond = start if page.beyond is None else page.beyond
    return {"list": letter, "limit": page.limit, "offset": page.offset, "beyond": beyond}
