"""Who did what, and who may know."""

from __future__ import annotations

import pytest

from tests.integration.web.service import ROOT, Service, Tenant, problem
from web.admin.audit_schemas import AuditView

AUDIT = "/admin/cqrs/audit"


def test_it_tells_who_changed_what_and_not_to_what(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    headers = {"X-Request-ID": "req-9"}
    service.done("PATCH", f"/users/{ada.id}", {"first_name": "Augusta", "timezone": "UTC"}, by=ada, headers=headers)

    response = service.send("GET", f"{AUDIT}?tenant={tenant.id}")

    AuditView().load(response.json)
    newest, *older = response.json["entries"]
    assert {name: newest[name] for name in ("event_type", "actor_id", "command", "correlation_id", "fields")} == {
        "event_type": "user.updated",
        "actor_id": ada.id,
        "command": "UpdateUser",
        "correlation_id": "req-9",
        "fields": ["first_name"],
    }
    assert [entry["event_type"] for entry in older] == ["user.activated", "user.registered", "tenant.created"]
    assert older[-1]["actor_id"] == ROOT.id
    assert "Augusta" not in response.text
    assert "example.com" not in response.text
    assert response.headers["Cache-Control"] == "no-store"


def test_it_goes_on_from_a_cursor_and_can_be_about_one_aggregate(service: Service, tenant: Tenant) -> None:
    ada, _ = tenant.user(), tenant.user()
    seen, after = [], ""
    while True:
        page = service.send("GET", f"{AUDIT}?tenant={tenant.id}&aggregate={ada.id}&limit=1{after}").json
        seen += [entry["version"] for entry in page["entries"]]
        if page["next_cursor"] is None:
            break
        after = f"&cursor={page['next_cursor']}"

    assert seen == [2, 1]


def test_it_is_about_one_tenant(service: Service, tenant: Tenant) -> None:
    refused = service.send("GET", f"{AUDIT}?tenant={tenant.id}&tenant={service.tenant().id}")

    assert list(problem(refused, 422, "validation_failed")["errors"]) == ["tenant"]


def test_a_tenant_that_does_not_exist_has_no_trail(service: Service, tenant: Tenant) -> None:
    for nobody in ("00000000-0000-4000-8000-000000000000", tenant.user().id):
        problem(service.send("GET", f"{AUDIT}?tenant={nobody}"), 404, "tenant_not_found")

    unknown = service.send("GET", f"{AUDIT}?tenant={tenant.id}&aggregate=00000000-0000-4000-8000-000000000000")
    assert (unknown.status_code, unknown.json["entries"]) == (200, [])


def test_an_admin_sees_its_own_tenant_and_no_other(service: Service, tenant: Tenant) -> None:
    other = service.tenant()

    own = service.send("GET", AUDIT, by=tenant.admin)
    named = service.send("GET", f"{AUDIT}?tenant={tenant.id}", by=tenant.admin)

    assert own.json == named.json
    assert [entry["aggregate_id"] for entry in own.json["entries"]] == [tenant.id]
    problem(service.send("GET", f"{AUDIT}?tenant={other.id}", by=tenant.admin), 404, "tenant_not_found")
    problem(service.send("GET", AUDIT, by=tenant.user()), 403, "forbidden")
    elsewhere = service.send("GET", f"{AUDIT}?aggregate={other.id}", by=tenant.admin)
    assert elsewhere.json == {"entries": [], "next_cursor": None}


@pytest.mark.parametrize("query", ["", "?tenant=x", "?limit=0", "?aggregate=5", "?cursor=x", "?since=1"])
def test_a_question_is_well_formed(service: Service, tenant: Tenant, query: str) -> None:
    named = "" if query in ("", "?tenant=x") else f"&tenant={tenant.id}"

    assert service.send("GET", f"{AUDIT}{query}{named}").status_code == 422
