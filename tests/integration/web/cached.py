"""The queries as the tests of the cache ask them: at all levels, and against the database itself."""

from __future__ import annotations

import time
from typing import Any

import orjson

from domain.bootstrap import Container
from domain.model.actor import Actor
from tests.integration.web.service import ROOT, Service

#: The path and the query behind it, with what it is asked about.
PATHS: dict[str, tuple[str, str, dict[str, str]]] = {
    "profile": ("/users/profile", "user", {"user_id": "{user}"}),
    "user": ("/users/{user}", "user", {"user_id": "{user}"}),
    "users": ("/users/tenant/{tenant}", "users_of_tenant", {}),
    "active users": ("/users/tenant/{tenant}?active_only=true", "users_of_tenant", {"active_only": "yes"}),
    "workspace": ("/workspaces/{workspace}", "workspace", {"workspace_id": "{workspace}"}),
    "workspaces": ("/workspaces/tenant/{tenant}", "workspaces_of_tenant", {}),
    "members": ("/workspaces/{workspace}/members", "workspace_members", {"workspace_id": "{workspace}"}),
    "summary": ("/tenants/{tenant}/summary", "tenant_summary", {}),
    "dashboard": ("/tenants/{tenant}/dashboard", "dashboard", {}),
}


class Asked:
    """One of the PATHS about a tenant's user and workspace."""

    def __init__(self, name: str, tenant: str, user: str, workspace: str) -> None:
        path, self.query, arguments = PATHS[name]
        ids = {"tenant": tenant, "user": user, "workspace": workspace}
        self.name, self.tenant = name, tenant
        self.path = path.format(**ids)
        self.arguments: dict[str, Any] = {key: value.format(**ids) for key, value in arguments.items()}

    def truth(self, container: Container) -> Any:
        """What the database says now; None if there is no such thing."""
        body = container.queries.read(self.query, self.tenant, **self.arguments).body
        return None if body is None else orjson.loads(body)

    def shown(self, service: Service, by: Actor, **headers: str) -> Any:
        """What the service answers; None for a 404."""
        response = service.send("GET", self.path, by=by, headers=headers)
        assert response.status_code in (200, 404), response.text
        return response.json if response.status_code == 200 else None


def level(service: Service, path: str, by: Actor = ROOT) -> str:
    """Where the answer came from: L1, L2 or database."""
    status = service.send("GET", path, by=by).headers.get("Cache-Status", "").split(", ")[0]
    return status[:2] if "hit" in status else "database"


def wait_for_l1(service: Service, path: str, by: Actor = ROOT) -> None:
    """Ask until the answer comes from this process's memory, so that both levels have it."""
    deadline = time.monotonic() + 30
    while level(service, path, by) != "L1":
        assert time.monotonic() < deadline, f"{path} never came into memory"
        time.sleep(0.005)
