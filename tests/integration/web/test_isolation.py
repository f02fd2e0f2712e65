"""Two tenants on the same shard are as far from each other as any two."""

from __future__ import annotations

from domain.model.position import shard_of
from tests.integration.web.service import Service, Tenant, problem


def neighbours(service: Service) -> tuple[Tenant, Tenant]:
    """Create tenants until two of them lie on one shard: by the birthday paradox, after some twenty."""
    seen: dict[int, Tenant] = {}
    while True:
        tenant = service.tenant()
        if other := seen.get(shard_of(tenant.id)):
            return other, tenant
        seen[shard_of(tenant.id)] = tenant


def test_neighbours_on_a_shard_don_t_see_or_touch_each_other(service: Service) -> None:
    one, two = neighbours(service)
    ada, eve = one.user(), two.user()
    workspace = one.workspace(ada)

    for method, path, body, code in (
        ("GET", f"/users/{ada.id}", None, "user_not_found"),
        ("GET", f"/workspaces/{workspace}", None, "workspace_not_found"),
        ("GET", f"/workspaces/{workspace}/members", None, "workspace_not_found"),
        ("GET", f"/tenants/{one.id}/summary", None, "tenant_not_found"),
        ("PATCH", f"/users/{ada.id}", {"first_name": "x"}, "user_not_found"),
        ("POST", f"/users/{ada.id}/deactivate", {}, "user_not_found"),
        ("PATCH", f"/workspaces/{workspace}", {"name": "x"}, "workspace_not_found"),
        ("DELETE", f"/workspaces/{workspace}", None, "workspace_not_found"),
    ):
        service.fold()
        problem(service.send(method, path, body, by=two.admin), 404, code)
    body = {"user_id": eve.id, "role": "member"}
    problem(service.send("POST", f"/workspaces/{workspace}/members", body, by=ada), 409, "member_user_not_found")
    assert service.get(f"/users/tenant/{two.id}", by=eve).json["pagination"]["total"] == 1
