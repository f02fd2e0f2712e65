"""The table of rights, and that every endpoint is in it."""

from __future__ import annotations

import pytest

from tests.integration.web.service import ROOT, Service, Tenant, problem
from tests.integration.web.test_garbage import fill, routes
from web.authorization import EVERYBODY, RULES, admin, super_admin


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
