"""What the operator's page shows."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import uuid4

import pytest

from domain.bootstrap import bootstrap
from domain.read.watch.job_log import JobLog
from domain.read.watch.processes import Processes
from domain.settings import Settings
from tests.integration.read.poison import execute
from tests.integration.web.operators import Operator, forms, more, text
from tests.integration.web.service import Service, Tenant
from tests.integration.web.test_dead_letters import fold
from web.app import create_app

HOSTILE = "<script>alert('1')</script>\"><img src=x onerror=alert(1)>{{ 7*7 }}"


@pytest.fixture
def root(service: Service) -> Operator:
    return Operator(service)


@pytest.fixture
def alive(service: Service) -> None:
    processes = Processes(service.container.read_pool)
    processes.beat(str(uuid4()), "worker", leads=False)
    processes.beat(str(uuid4()), "clock", leads=True)


@pytest.mark.usefixtures("alive")
def test_the_overview_of_a_service_that_is_well(root: Operator, service: Service, tenant: Tenant) -> None:
    service.get(f"/users/{tenant.user().id}")

    page = root.page()

    assert "healthy All parts answer" in page
    assert "users current 0 events" in page
    for part in ("write database", "read database", "query database", "redis"):
        assert f"{part} up" in page
    assert "What stands still" not in page
    # A query has been asked, and loaded.
    assert "user 0.0 %" in page


def test_the_last_hour_is_drawn(root: Operator, service: Service, tenant: Tenant) -> None:
    assert "The charts of the last hour begin" in root.page()
    telemetry, ada = service.container.telemetry, tenant.user()
    telemetry.sample(service.container.monitor.lags())
    service.get(f"/users/{ada.id}")
    service.done("PATCH", f"/users/{ada.id}", {"first_name": "Augusta"}, by=ada)
    telemetry.sample(service.container.monitor.lags())

    whole = root.get()

    assert whole.text.count('<svg class="chart"') == 9
    assert "The charts of the last hour begin" not in whole.text
    page = text(whole)
    for title in ("Commands", "Queries", "Events", "A query takes p50", "A command takes p50", "Answers 5xx"):
        assert title in page, title
    assert re.search(r"Commands [1-9][\d.]* /s", page)
    assert "Projections are behind by users 1 workspaces 1 tenant summaries 1 events" in page


def test_what_is_wrong_is_said_with_what_to_do(root: Operator, service: Service, tenant: Tenant) -> None:
    service.container.projection_switch.pause("users", "Maintenance", "ops")
    execute(
        service.container.settings.database_url,
        "INSERT INTO read_schema.lagging_marks VALUES ('workspaces', %s, 0, now() - interval '40 seconds')",
        *service.container.event_store.heads(),
    )

    page = root.page()

    assert "unhealthy This needs somebody now" in page
    assert "has not moved for 40 s in workspaces: no worker is alive Start one with the Procfile's line" in page
    assert "no clock is alive Start one" in page
    assert "users has been paused for 0 s by ops Resume it as soon as" in page


@pytest.mark.parametrize("down", ["database_url", "read_database_url", "read_replica_url", "redis"])
def test_a_part_that_is_down_is_said_and_the_page_still_stands(settings: Settings, down: str) -> None:
    nowhere = "redis://127.0.0.1:1/0" if down == "redis" else "postgresql://nobody@127.0.0.1:1/nothing"
    changes = dict.fromkeys(("redis_url", "cache_redis_url"), nowhere) if down == "redis" else {down: nowhere}
    container = bootstrap(replace(settings, **changes))
    operator = Operator(Service(create_app(container=container)))

    page = operator.page()

    named = {"database_url": "write_database", "read_database_url": "read_database", "read_replica_url":
             "query_database", "redis": "redis"}[down]  # fmt: skip
    assert f"{named} does not answer Bring" in page
    assert f"{named.replace('_', ' ')} down" in page
    assert ("unhealthy" in page) == (down != "redis")
    for path in ("/projections", "/processes", "/cache"):
        operator.get(path)
    if down == "read_database_url":
        failed = operator.get("/dead-letters", 503)
        assert "Service Unavailable" in text(failed)
        assert failed.headers["Retry-After"] == "1"
    container.close()


def test_the_projections_are_shown_with_what_can_be_done(root: Operator, service: Service, tenant: Tenant) -> None:
    service.container.projection_switch.pause("users", "Maintenance", "ops")
    tenant.user()

    page, offered = root.page("/projections"), {target for target, _ in forms(root.get("/projections"))}

    assert "users paused Behind 3 events" in page
    assert "by ops: Maintenance" in page
    base = "/admin/projections"
    assert {
        f"{base}/users/resume",
        f"{base}/workspaces/pause",
        f"{base}/users/rebuild",
        f"{base}/users/verify",
    } <= offered
    # There is nothing yet to go back to, to cancel, or to resume.
    assert not {f"{base}/users/way-back", f"{base}/users/cancel", f"{base}/workspaces/resume"} & offered


def test_dead_letters_are_listed_narrowed_and_paged(
    root: Operator, service: Service, tenant: Tenant, database_url: str
) -> None:
    people = [tenant.user(last_name="Short") for _ in range(3)]
    fold(service)
    execute(database_url, "ALTER TABLE read_schema.user_projections ADD CONSTRAINT short CHECK (length(last_name) < 9)")
    for each in people:
        service.done("PATCH", f"/users/{each.id}", {"last_name": "Not short at all"}, by=each)
    fold(service)

    first = root.get("/dead-letters?limit=2")
    second = root.client.get(str(more(first)))

    assert "Dead letters 3" in text(first)
    assert (first.text.count("data-key="), second.text.count("data-key=")) == (2, 1)
    assert "parked users user.updated" in text(first)
    assert "CheckViolation" in text(first)
    assert "Nothing stands still of what you look for" in root.page("/dead-letters?state=dead")
    assert "user.updated" in root.page("/dead-letters?state=parked&projection=users&error_class=CheckViolation")
    assert "What stands still All 3" in root.page()
    assert "422 Unprocessable" in text(root.get("/dead-letters?state=x", 422))
    assert "There is no such projection" in text(root.get("/dead-letters?projection=user", 404))
    assert "There is no such projection" in text(root.get("/dead-letters/skipped?projection=user", 404))


def test_a_dead_letter_is_shown_with_event_error_and_trace_and_nothing_in_it_is_believed(
    root: Operator, service: Service, tenant: Tenant, database_url: str
) -> None:
    ada = tenant.user(last_name="Short")
    fold(service)
    execute(
        database_url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%%', NEW.last_name; "
        "END $$; CREATE TRIGGER refuse BEFORE UPDATE OR INSERT ON read_schema.user_projections "
        "FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    service.done("PATCH", f"/users/{ada.id}", {"last_name": HOSTILE}, by=ada, headers={"X-Request-ID": "req-7"})
    service.done("PATCH", f"/users/{ada.id}", {"first_name": "Augusta"}, by=ada)
    fold(service)
    (letter,) = service.container.dead_letters.page().letters

    shown = root.get(f"/dead-letters/{letter.id}")

    page = text(shown)
    assert "RaiseException" in page
    assert "&lt;script&gt;alert" in shown.text
    assert "req-7" in page
    assert "1 event waits behind it" in page
    assert "isolation.py" in page
    for each in (shown, root.get("/dead-letters"), root.get()):
        assert "<script>alert" not in each.text
        assert "<img src=x" not in each.text
        assert "49" not in text(each).partition("{{ 7*7 }}")[0][-8:]


def test_tenants_are_listed_by_size_found_and_paged(root: Operator, service: Service, tenant: Tenant) -> None:
    hostile = service.tenant(name=HOSTILE)
    for _ in range(2):
        hostile.user()
    tenant.user("pending")
    service.fold()

    whole = root.get("/tenants")

    assert whole.text.index(hostile.id) < whole.text.index(tenant.id)
    assert "<script>" not in whole.text.partition("<body")[2]
    assert f"{tenant.slug} professional 1 of 100 0 0 of 50 0 20" in text(whole)
    for find, found in (
        (tenant.slug, True),
        (tenant.slug.title(), True),
        (tenant.id, True),
        ("%", False),
        ("no", False),
    ):
        page = root.get(f"/tenants?find={find.replace('%', '%25')}").text
        assert (f"/admin/tenants/{tenant.id}" in page) == found, find
        assert f"/admin/tenants/{hostile.id}" not in page or find == "%"
    assert "No tenant is called like that" in root.page("/tenants?find=nobody")


def test_more_tenants_than_a_page_has_follow_its_cursor(
    root: Operator, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [service.tenant() for _ in range(5)]
    made[3].user()
    service.fold()
    monkeypatch.setattr("web.operator.tenants.PAGE", 2)

    seen: list[str] = []
    path: str | None = "/admin/tenants"
    while path:
        page = root.client.get(path)
        seen += [each.id for part in page.text.split("/admin/tenants/") for each in made if part.startswith(each.id)]
        path = more(page)

    assert seen == [made[3].id, *sorted((each.id for each in made if each is not made[3]), reverse=True)]
    assert root.client.get("/admin/tenants?cursor=x").status_code == 422


def test_a_tenant_is_shown_with_its_size_and_who_did_what(root: Operator, service: Service, tenant: Tenant) -> None:
    ada = tenant.user(email="ada@example.com")
    service.done("PATCH", f"/users/{ada.id}", {"first_name": "Augusta"}, by=ada, headers={"X-Request-ID": "req-9"})
    service.fold()

    page = root.page(f"/tenants/{tenant.id}")
    first = root.get(f"/tenants/{tenant.id}?limit=1")

    assert (
        "Plan professional Users 1 1 active, up to 100 Workspaces 0 up to 50, 0 members Events 4 that have been folded"
        in page
    )
    assert "user.updated UpdateUser" in page
    assert f"{ada.id} req-9" in page
    assert "ada@example.com" not in page
    assert "Augusta" not in page
    assert "user.updated" in text(first)
    assert "user.activated ActivateUser" in text(root.client.get(str(more(first))))
    about = root.page(f"/tenants/{tenant.id}?aggregate={tenant.id}")
    assert "tenant.created" in about
    assert "user.updated" not in about
    assert "404 Not Found" in text(root.get(f"/tenants/{uuid4()}", 404))
    assert "422" in text(root.get(f"/tenants/{tenant.id}?cursor=x", 422))


def test_a_tenant_whose_events_have_not_been_folded_is_shown_by_its_events(root: Operator, tenant: Tenant) -> None:
    page = root.page(f"/tenants/{tenant.id}")

    assert "Not folded yet" in page
    assert "tenant.created" in page


@pytest.mark.usefixtures("alive")
def test_processes_and_jobs_are_shown(root: Operator, service: Service) -> None:
    jobs = JobLog(service.container.read_pool)
    for job, error in (("sweep", None), ("verify", HOSTILE)):
        jobs.begun(job)
        jobs.ended(job, error)

    shown = root.get("/processes")

    page = text(shown)
    assert "sweep well" in page
    assert "verify failed 1×" in page
    assert "<script>alert" not in shown.text
    assert re.search(r"read \d of 15", page)
    assert "No worker is alive" not in page
