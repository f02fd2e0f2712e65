"""The table of rights walked: every route, each role, of the own tenant and of another one."""

from __future__ import annotations

import json
import re
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from werkzeug.test import TestResponse

from domain.model.actor import Actor
from tests.integration.web.conftest import SECRET
from tests.integration.web.service import ROOT, Service, Tenant, problem
from tests.integration.web.test_garbage import fill, routes
from web.authorization import EVERYBODY, RULES, admin, super_admin

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

#: What each command needs in its body, so that nothing but rights and existence is left to refuse it.
BODIES: dict[str, Any] = {
    "tenants.create_tenant": {"name": "Acme", "slug": "acme", "plan": "free"},
    "tenants.change_tenant": {"name": "Acme"},
    "tenants.change_plan": {"plan": "enterprise"},
    "users.register_user": {"email": "new@example.com", "first_name": "A", "last_name": "B"},
    "users.update_user": {"first_name": "Augusta"},
    "users.deactivate_user": {"reason": "left"},
    "workspaces.create_workspace": {"name": "Roadmap"},
    "workspaces.update_workspace": {"name": "Roadmap"},
    "workspaces.add_member": {"user_id": str(uuid4()), "role": "member"},
    "workspaces.change_member_role": {"role": "member"},
}


def test_the_table_has_all_endpoints_and_no_others(service: Service) -> None:
    assert set(RULES) == {rule.endpoint for rule in service.app.url_map.iter_rules()}


def test_an_endpoint_that_is_not_in_the_table_is_closed(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RULES, "health.live")

    problem(service.app.test_client().get("/health/live"), 401, "unauthenticated")
    headers = {"Authorization": f"Bearer {service.token(ROOT)}"}
    problem(service.app.test_client().get("/health/live", headers=headers), 403, "forbidden")


def test_each_role_may_what_the_table_says(service: Service, tenant: Tenant) -> None:
    """Rights come before everything else: what may not be is 401 or 403 whatever the rest of the request is."""
    client = service.app.test_client()
    adapter = service.app.url_map.bind("localhost")
    user, other = tenant.actor("somebody"), service.tenant()

    for method, path in routes(service.app):
        url = fill(path, tenant.id, "x")
        rule = RULES[adapter.match(url, method)[0]]
        if rule is EVERYBODY:
            assert client.open(url, method=method).status_code == 200
            continue
        problem(client.open(url, method=method), 401, "unauthenticated")
        for actor in (user, tenant.admin, other.admin, ROOT):
            headers = {"Authorization": f"Bearer {service.token(actor)}"}
            response = client.open(url, method=method, headers=headers, data=b"garbage")
            refused = not rule(actor, adapter.match(url, method)[1])
            assert (response.status_code == 403) == refused, (method, path, actor, response.text)
            if rule is super_admin:
                assert refused == (actor is not ROOT)
            if rule is admin:
                assert refused == (actor is user)


def told(response: TestResponse) -> tuple[object, ...]:
    """All that an answer tells, but for the ids that the asker chose, the time it took, and who had asked before."""
    left_out = ("Date", "Server-Timing", "Cache-Status")
    headers = {name: value for name, value in response.headers.items() if name not in left_out}
    return response.status_code, *(ID.sub("…", text) for text in (json.dumps(sorted(headers.items())), response.text))


def test_what_is_anothers_is_answered_like_what_is_nowhere(service: Service, tenant: Tenant) -> None:
    """Byte for byte, for all routes that name something, each role, and things in every state."""
    other = service.tenant()
    gone, left = other.user(), other.user("deactivated")
    owner = other.user()
    workspace, deleted = other.workspace(owner, {gone.id: "member"}), other.workspace(owner)
    service.done("DELETE", f"/workspaces/{deleted}", by=owner)
    service.fold()
    adapter = service.app.url_map.bind("localhost")
    client = service.app.test_client()
    walked = 0

    def ask(method: str, path: str, ids: tuple[str, ...], by: Actor) -> tuple[object, ...]:
        url = fill(path, *ids)
        headers = {"Authorization": f"Bearer {service.token(by)}", "X-Request-ID": str(uuid4())}
        body = BODIES.get(adapter.match(url, method)[0])
        return told(client.open(url, method=method, headers=headers, json=body))

    for method, path in routes(service.app):
        if "{}" not in path or "admin" in path:
            continue
        second = "user" if "roles" in path else gone.id
        for actor in (tenant.user(), tenant.admin):
            for thing in (other.id, gone.id, left.id, workspace, deleted):
                walked += 1
                theirs = ask(method, path, (thing, second), actor)
                nowhere = ask(method, path, (str(uuid4()), second), actor)
                assert theirs == nowhere, (method, path, thing)
                assert theirs[0] in (403, 404), (method, path, thing)
    assert walked > 150


def test_only_a_tenants_admin_has_its_rights_in_it(service: Service, tenant: Tenant) -> None:
    """The same admin token, sent to the things of the own tenant, is heard."""
    ada = tenant.user()
    workspace = tenant.workspace(ada)
    service.fold()

    for method, path, body in (
        ("GET", f"/users/{ada.id}", None),
        ("GET", f"/workspaces/{workspace}", None),
        ("GET", f"/tenants/{tenant.id}/dashboard", None),
        ("PATCH", f"/users/{ada.id}", {"first_name": "Augusta"}),
        ("PATCH", f"/workspaces/{workspace}", {"name": "Roadmap"}),
        ("PUT", f"/users/{ada.id}/roles/admin", None),
    ):
        assert service.send(method, path, body, by=tenant.admin).status_code == 200, path


def signed(claims: dict[str, Any], key: str = SECRET, algorithm: str = "HS256") -> str:
    whole = {"sub": "ada", "tenant_id": str(uuid4()), "role": "user", "exp": int(time.time()) + 60} | claims
    return jwt.encode({name: value for name, value in whole.items() if value is not None}, key, algorithm=algorithm)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer",
        "Basic YWRhOnB3",
        f"Bearer {jwt.encode({'sub': 'ada', 'role': 'super_admin', 'exp': 2**32}, None, algorithm='none')}",
        f"Bearer {signed({}, key='another-secret-of-more-than-thirty-two-bytes')}",
        f"Bearer {signed({}, key=SECRET * 2, algorithm='HS512')}",
        f"Bearer {signed({'exp': int(time.time()) - 1})}",
        f"Bearer {signed({'nbf': int(time.time()) + 600})}",
        f"Bearer {signed({'exp': None})}",
        f"Bearer {signed({'sub': None})}",
        f"Bearer {signed({'tenant_id': None})}",
        f"Bearer {signed({'tenant_id': 5})}",
        f"Bearer {signed({'role': None})}",
        f"Bearer {signed({'role': {'admin': True}})}",
        f"Bearer {'x' * 10_000}",
    ],
    ids=lambda header: str(header)[:18],
)
def test_what_is_no_valid_token_is_401_and_told_why_without_itself(service: Service, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}

    response = service.send("GET", "/users/profile", by=None, headers=headers)

    problem(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    if header is not None and len(header) > 20:
        assert header[20:] not in response.text
