"""Rebuilding, repairing and verifying over HTTP and on the command line."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from flask import Flask

from tests.integration.web.service import Service, Tenant, problem
from web.admin.rebuild_schemas import RebuildView, RepairView, VerificationsView

BASE = "/admin/cqrs/projections"


@pytest.fixture
def tenant(tenant: Tenant, service: Service) -> Tenant:
    """A tenant with a user and a workspace, folded."""
    tenant.workspace(tenant.user())
    service.fold()
    return tenant


def change_all_users(service: Service) -> None:
    with service.container.read_pool.cursor() as cursor:
        cursor.execute("UPDATE read_schema.user_projections SET last_name = 'Changed'")


def last_name(service: Service, tenant: Tenant) -> str:
    users = service.get(f"/users/tenant/{tenant.id}", by=tenant.admin).json["users"]
    return str(users[0]["last_name"])


def test_a_rebuild_begins_goes_on_and_is_undone(service: Service, tenant: Tenant):
    # Given a row that somebody has changed
    change_all_users(service)

    # When a rebuild is begun
    begun = service.send("POST", f"{BASE}/users/rebuild", {"compare": True})
    assert (begun.status_code, begun.headers["Location"]) == (202, f"/api/v1{BASE}/users/rebuild")
    assert RebuildView().validate(begun.json) == {}
    problem(service.send("POST", f"{BASE}/users/rebuild"), 409, "rebuild_running")
    while service.container.rebuilder.drive("users"):
        pass

    # Then it tells how it went, and the row is right
    done = service.send("GET", f"{BASE}/users/rebuild").json
    assert RebuildView().validate(done) == {}
    assert (done["state"], done["running"], done["comparison"]["different"]) == ("done", False, 1)
    assert last_name(service, tenant) == "Lovelace"

    # And the way back brings the former rows back
    back = service.send("POST", f"{BASE}/users/rollback")
    assert (back.status_code, back.json["kind"], back.json["state"]) == (200, "way_back", "done")
    assert last_name(service, tenant) == "Changed"


def test_a_rebuild_is_cancelled(service: Service, tenant: Tenant):
    service.send("POST", f"{BASE}/workspaces/rebuild")

    cancelled = service.send("DELETE", f"{BASE}/workspaces/rebuild")

    assert (cancelled.status_code, cancelled.json["state"]) == (200, "cancelled")
    problem(service.send("DELETE", f"{BASE}/workspaces/rebuild"), 409, "no_rebuild_running")


def test_what_there_is_not(service: Service, tenant: Tenant):
    for method, path in (("POST", "rebuild"), ("GET", "rebuild"), ("DELETE", "rebuild"), ("POST", "rollback")):
        problem(service.send(method, f"{BASE}/nothing/{path}"), 404, "projection_not_found")
    problem(service.send("GET", f"{BASE}/users/rebuild"), 404, "rebuild_not_found")
    problem(service.send("POST", f"{BASE}/users/rollback"), 409, "nothing_kept")
    ids = {"tenant_id": tenant.id, "aggregate_id": str(uuid4())}
    problem(service.send("POST", f"{BASE}/users/repair", ids), 404, "aggregate_not_found")
    problem(service.send("POST", f"{BASE}/nothing/repair", ids), 404, "projection_not_found")
    problem(service.send("POST", f"{BASE}/verify", {"projections": ["nothing"]}), 404, "projection_not_found")
    problem(service.send("POST", f"{BASE}/verify", {"sample": 0}), 422, "validation_failed")
    problem(service.send("POST", f"{BASE}/users/rebuild", {"compare": 1}), 422, "validation_failed")


def test_drift_is_found_and_repaired(service: Service, tenant: Tenant):
    change_all_users(service)

    found = service.send("POST", f"{BASE}/verify", {"projections": ["users"]})
    assert VerificationsView().validate(found.json) == {}
    (users,) = found.json["verifications"]
    assert (users["drifted"], users["examples"][0]["columns"]) == (1, ["last_name"])

    key = users["examples"][0]["key"]
    body = {"tenant_id": key["tenant_id"], "aggregate_id": key["user_id"]}
    repaired = service.send("POST", f"{BASE}/users/repair", body)
    assert RepairView().validate(repaired.json) == {}
    assert repaired.json["repaired"] == 1
    assert last_name(service, tenant) == "Lovelace"


def test_only_super_admins_may(service: Service, tenant: Tenant):
    for method, path in (("POST", "users/rebuild"), ("DELETE", "users/rebuild"), ("POST", "users/rollback"),
                         ("GET", "users/rebuild"), ("POST", "users/repair"), ("POST", "verify")):  # fmt: skip
        problem(service.send(method, f"{BASE}/{path}", by=tenant.admin), 403, "forbidden")


def test_the_same_on_the_command_line(app: Flask, service: Service, tenant: Tenant):
    run = app.test_cli_runner().invoke
    change_all_users(service)

    drifted = run(args=["projections", "verify", "--all", "--json"])
    assert drifted.exit_code == 1
    assert {each["projection"]: each["drifted"] for each in json.loads(drifted.stdout)["verifications"]} == {
        "users": 1, "workspaces": 0, "tenant_summaries": 0,
    }  # fmt: skip
    assert "changed row of user_projections" in run(args=["projections", "verify", "users"]).output

    rebuilt = run(args=["projections", "rebuild", "users", "--compare", "--watch"])
    assert (rebuilt.exit_code, "The rebuild of users: done" in rebuilt.output) == (0, True), rebuilt.output
    assert last_name(service, tenant) == "Lovelace"
    assert "1 rows differ" in run(args=["projections", "compare", "users"]).output
    assert run(args=["projections", "verify", "--all"]).exit_code == 0

    assert "The way back of users: done" in run(args=["projections", "way-back", "users"]).output
    with service.container.read_pool.cursor() as cursor:
        cursor.execute("SELECT tenant_id, user_id FROM read_schema.user_projections")
        ids = cursor.fetchone()
    assert "1 of them had to be put right" in run(args=["projections", "repair", "users", *ids]).output
    assert last_name(service, tenant) == "Lovelace"

    assert run(args=["projections", "rebuild", "workspaces"]).exit_code == 0
    refused = run(args=["projections", "rebuild", "workspaces"])
    assert (refused.exit_code, refused.output.startswith("Error: A rebuild of projection workspaces")) == (1, True)
    assert "cancelled" in run(args=["projections", "cancel", "workspaces"]).output


def test_whoever_makes_all_anew_hears_which_projections_are_paused_and_have_no_rows(
    service: Service, tenant: Tenant
) -> None:
    ada = tenant.user()
    service.fold()
    service.container.projection_switch.pause("users", "night", "cli:root")
    runner = service.app.test_cli_runner()

    said = runner.invoke(args=["projections", "start-over", "--yes"])
    again = json.loads(runner.invoke(args=["projections", "start-over", "--yes", "--json"]).stdout)

    assert said.exit_code == 0, said.output
    assert "users is paused, and has no rows until it goes on: flask --app web projections resume users" in said.stdout
    assert again["paused"] == ["users"]
    service.fold()
    assert service.done("GET", f"/users/tenant/{tenant.id}")["users"] == []
    service.container.projection_switch.resume("users", "morning", "cli:root")
    service.fold()
    assert service.done("GET", f"/users/{ada.id}")["id"] == ada.id
