"""How the service says that it is."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest

from domain.bootstrap import bootstrap
from domain.read.watch.processes import Processes
from domain.settings import Settings
from tests.integration.web.service import ROOT, Service, Tenant, problem
from web import asking
from web.admin.schemas import ProjectionsStatusView
from web.app import create_app
from workers.launcher.postgres import EmbeddedPostgres

DATABASES = ("database_url", "read_database_url", "read_replica_url")

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def service_on(settings: Settings) -> Service:
    return Service(create_app(container=bootstrap(settings)))


def health(service: Service, name: str) -> tuple[int, dict[str, object]]:
    response = service.app.test_client().get(f"/health/{name}")
    return response.status_code, response.json or {}


def test_all_is_well(service: Service, tenant: Tenant) -> None:
    processes = Processes(service.container.read_pool)
    processes.beat(str(uuid4()), "worker", leads=False)
    processes.beat(str(uuid4()), "clock", leads=True)
    service.fold()

    assert health(service, "live") == (200, {"status": "live"})
    assert health(service, "ready") == (
        200,
        {"status": "ready", "parts": {"write_schema": {"status": "up"}, "read_schema": {"status": "up"}}},
    )
    status, body = health(service, "cqrs")
    assert (status, body["status"]) == (200, "healthy")
    assert set(body["parts"]) == {
        "write_database",
        "read_database",
        "query_database",
        "redis",
        "cache_redis",
        "projections",
    }
    assert {part["status"] for part in body["parts"].values()} == {"up"}
    assert {each["lag"] for each in body["parts"]["projections"]["projections"].values()} == {0}


def test_without_migrations_it_is_not_ready(settings: Settings, empty_database_url: str) -> None:
    empty = replace(
        settings,
        database_url=empty_database_url,
        read_database_url=empty_database_url,
        read_replica_url=empty_database_url,
    )
    service = service_on(empty)

    status, body = health(service, "ready")

    assert (status, body["status"]) == (503, "not ready")
    service.container.close()


def test_without_redis_it_is_degraded(settings: Settings) -> None:
    service = service_on(replace(settings, redis_url="redis://127.0.0.1:1/0"))

    status, body = health(service, "cqrs")

    assert (status, body["status"], body["parts"]["redis"]) == (200, "degraded", {"status": "down"})
    assert health(service, "ready")[0] == 200
    service.container.close()


def test_without_the_redis_of_the_cache_it_is_degraded(settings: Settings) -> None:
    service = service_on(replace(settings, cache_redis_url="redis://127.0.0.1:1/0"))

    status, body = health(service, "cqrs")

    assert (status, body["status"]) == (200, "degraded")
    assert (body["parts"]["redis"], body["parts"]["cache_redis"]) == ({"status": "up"}, {"status": "down"})
    assert "cache_redis does not answer" in body["reasons"]
    service.container.close()


@pytest.mark.parametrize("which", ["database_url", "read_database_url", "read_replica_url"])
def test_without_a_database_it_is_unhealthy(settings: Settings, which: str) -> None:
    service = service_on(replace(settings, **{which: NOWHERE}))

    response = service.app.test_client().get("/health/cqrs")

    assert (response.status_code, response.json["status"]) == (503, "unhealthy")
    assert response.headers["Retry-After"] == "1"
    assert health(service, "live")[0] == 200
    assert health(service, "ready")[0] == (200 if which == "read_database_url" else 503)
    service.container.close()


def test_requests_are_503_while_the_database_is_down(settings: Settings) -> None:
    down = replace(settings, database_url=NOWHERE, read_database_url=NOWHERE, read_replica_url=NOWHERE)
    service = service_on(down)
    id = "00000000-0000-4000-8000-000000000000"

    for method, path, body in (
        ("POST", "/tenants", {"name": "A", "slug": "acme", "plan": "free"}),
        ("PATCH", f"/users/{id}", {"first_name": "A"}),
        ("GET", f"/tenants/{id}/summary", None),
        ("GET", "/admin/cqrs/projections/status", None),
    ):
        response = service.send(method, path, body)
        assert problem(response, 503, "unavailable")["detail"].startswith("The service can't answer now")
        assert response.headers["Retry-After"] == "1"
    service.container.close()


def test_a_defect_tells_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(*_: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(service.container.caching.queries, "get", defect)

    response = service.send("GET", "/tenants/x/summary", headers={"X-Request-ID": "req-1"})

    problem(response, 500, "internal_server_error")
    assert b"swordfish" not in response.data
    assert response.headers["X-Request-ID"] == "req-1"


def test_the_projections_status_is_for_super_admins(service: Service, tenant: Tenant) -> None:
    path = "/admin/cqrs/projections/status"

    behind = service.send("GET", path).json
    service.fold()
    current = service.send("GET", path).json

    ProjectionsStatusView().load(current)
    assert [each["projection"] for each in current["projections"]] == ["users", "workspaces", "tenant_summaries"]
    assert {(each["state"], each["lag"]) for each in behind["projections"]} == {("catching_up", 1)}
    assert {(each["state"], each["lag"]) for each in current["projections"]} == {("current", 0)}
    problem(service.send("GET", path, by=tenant.admin), 403, "forbidden")


def test_root_sees_nothing_of_a_tenant_that_is_not_there(service: Service) -> None:
    problem(service.get("/tenants/x/summary", by=ROOT), 404, "tenant_not_found")


def test_probes_are_answered_while_postgres_is_frozen(
    settings: Settings, postgres_server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 2.0)
    # Given a service whose connections are open when PostgreSQL freezes
    service = service_on(replace(settings, **dict.fromkeys(DATABASES, postgres_server.url)))
    assert health(service, "ready")[0] == 200
    threads = ThreadPoolExecutor()
    postgres_server.freeze()

    # When it is asked, by several at once, for longer than one of them waits
    asked = [threads.submit(health, service, name) for name in ("ready", "cqrs", "live", "ready", "cqrs")]
    ready, cqrs, live, *again = [each.result(timeout=20) for each in asked]
    afterwards = threads.submit(health, service, "ready").result(timeout=20)

    # Then each gets an answer, and nobody asks a part that somebody waits for already
    assert (ready[0], cqrs[0], live[0]) == (503, 503, 200)
    assert ready[1]["parts"] == {"write_schema": {"status": "down"}, "read_schema": {"status": "down"}}
    assert "write_database does not answer" in cqrs[1]["reasons"]
    assert ([status for status, _ in again], afterwards[0]) == ([503, 503], 503)
    waiting = [thread.name for thread in threading.enumerate() if thread.name.startswith("health of")]
    assert len(waiting) == len(set(waiting))

    # And once it goes on, all is well again
    postgres_server.resume()
    deadline = time.monotonic() + 20
    while health(service, "ready")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    threads.shutdown()
    service.container.close()
