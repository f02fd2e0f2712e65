"""The questions by hand-written SQL: one statement each."""

from __future__ import annotations

from typing import Any

from domain.postgres.pool import Pool
from domain.postgres.statements import statements
from tests.performance.traditional.directory import FIRST_MEMBERS, RECENT, Page

_PARTS = ("user_fields", "workspace_fields", "member_fields", "summary_fields", "items", "pagination")

#: Past the last place that a list can have.
_END = 2**63 - 1


def _statements() -> dict[str, str]:
    texts = statements(__package__)
    parts = {name: texts[name] for name in _PARTS}
    names = [name for name in dir(SqlQueries) if not name.startswith("_")]
    return {name: texts[name].format_map(parts) for name in names}


class SqlQueries:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._texts = _statements()

    def user(self, tenant_id: str, user_id: str) -> bytes | None:
        return self._ask("user", tenant_id=tenant_id, user_id=user_id)

    def users_of_tenant(self, tenant_id: str, page: Page, active_only: bool) -> bytes | None:
        return self._ask("users_of_tenant", **_part("u", page, _END), tenant_id=tenant_id, active_only=active_only)

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
            cursor.execute(self._texts[query], values)
            (body,) = cursor.fetchone() or (None,)
        return None if body is None else body.encode()


def _part(letter: str, page: Page, start: int) -> dict[str, Any]:
    beyond = start if page.beyond is None else page.beyond
    return {"list": letter, "limit": page.limit, "offset": page.offset, "beyond": beyond}
