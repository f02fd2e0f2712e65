"""What is counted of the service's work, whichever of its processes does it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from domain.bootstrap import bootstrap
from domain.model.position import shard_of
from domain.read.watch.job_log import JobLog
from domain.telemetry.histogram import histogram
from tests.integration.read.poison import execute, make_due
from tests.integration.web.service import Service, Tenant, problem
from workers.hints import HintSender
from workers.job import Job, LoggedRun
from workers.jobs import jobs


def counted(service: Service, family: str, label: str) -> dict[str, int]:
    """Return what all processes have counted of it up to now."""
    return service.container.telemetry.look().counters.get(family, {}).get(label, {})


def times(service: Service, family: str, label: str) -> int:
    return histogram([counted(service, family, label)]).times


def test_commands_by_name_and_by_what_became_of_them(service: Service, tenant: Tenant) -> None:
    ada = tenant.user("pending", email="ada@example.com")
    headers = {"Idempotency-Key": "once"}
    for _ in range(2):
        service.done("POST", f"/users/{ada.id}/activate", by=tenant.admin, headers=headers)
    service.send("POST", f"/users/{ada.id}/activate", by=tenant.admin)
    changed = {"If-Match": '"77"'}
    problem(
        service.send("PATCH", f"/users/{ada.id}", {"last_name": "K"}, by=ada, headers=changed), 412, "version_mismatch"
    )

    outcomes = {what: times(service, "command", f"ActivateUser/{what}") for what in ("done", "replayed", "refused")}
    assert outcomes == {"done": 1, "replayed": 1, "refused": 1}
    assert times(service, "command", "UpdateUser/conflict") == 1
    # A tenant, a registration, an activation; what was refused has no events.
    assert counted(service, "log", "events") == {"appended": 3}


def test_each_user_of_an_import_is_a_command(service: Service, tenant: Tenant) -> None:
    line = '{"email": "%s@example.com", "first_name": "A", "last_name": "L"}\n'
    body = "".join(line % name for name in ("ada", "bob", "bob"))
    answer = service.send(
        "POST", "/users/import", by=tenant.admin, data=body, headers={"Content-Type": "application/x-ndjson"}
    )
    assert len(answer.text.splitlines()) == 3

    assert times(service, "command", "RegisterUser/done") == 2
    assert times(service, "command", "RegisterUser/refused") == 1
    assert counted(service, "log", "events")["appended"] == 3


def test_a_command_that_the_store_can_t_take_has_failed(service: Service, tenant: Tenant, database_url: str) -> None:
    execute(database_url, "ALTER TABLE write_schema.domain_events RENAME TO elsewhere")

    assert service.send("PATCH", f"/tenants/{tenant.id}", {"name": "New"}).status_code >= 500

    assert times(service, "command", "ChangeTenant/failed") == 1
    assert counted(service, "http", "PATCH /api/v1/tenants/{tenant_id}/5xx")["n"] == 1


def test_queries_by_kind_and_by_where_the_answer_was(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    service.fold()
    for _ in range(3):
        service.send("GET", f"/users/{ada.id}")
    service.send("GET", "/users/11111111-1111-4111-8111-111111111111", by=tenant.admin)

    levels = {level: times(service, "query", f"user/{level}") for level in ("l1", "l2", "load")}
    assert levels["load"] == 2
    assert sum(levels.values()) == 4


def test_answers_by_route_and_class_and_never_by_what_somebody_typed(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    service.get(f"/users/{ada.id}")
    service.send("GET", "/users/no-uuid-at-all")
    service.send("GET", "/there/is/nothing/here")
    service.app.test_client().open("/api/v1/users/profile", method="BREW")
    service.send("GET", f"/users/{ada.id}", by=None)

    found = service.container.telemetry.look().counters["http"]

    assert found["GET /api/v1/users/{user_id}/2xx"]["n"] == 1
    assert found["GET /api/v1/users/{user_id}/4xx"]["n"] == 2
    assert found["- -/4xx"]["n"] == 2
    assert not [label for label in found if ada.id in label or "there" in label or "BREW" in label]


def test_a_streamed_answer_is_counted_when_it_has_ended(service: Service, tenant: Tenant) -> None:
    body = '{"email": "ada@example.com", "first_name": "A", "last_name": "L"}\n'
    answer = service.send(
        "POST",
        "/users/import",
        by=tenant.admin,
        data=body,
        headers={"Content-Type": "application/x-ndjson"},
        buffered=False,
    )
    label = "POST /api/v1/users/import/2xx"
    before = counted(service, "http", label)
    with closing(answer):
        assert answer.text
    assert (before, counted(service, "http", label)["n"]) == ({}, 1)


def test_what_is_folded_parked_and_released_by_projection(service: Service, tenant: Tenant, database_url: str) -> None:
    ada = tenant.user()
    service.fold()
    before = counted(service, "fold", "users")
    assert before["events"] == 3
    assert before["batches"] >= 1
    assert times(service, "batch", "batch") >= 1

    short = "ALTER TABLE read_schema.user_projections ADD CONSTRAINT short CHECK (length(last_name) < 9)"
    execute(database_url, short)
    service.done("PATCH", f"/users/{ada.id}", {"last_name": "Lovelace-Byron"}, by=ada)
    service.container.engine.catch_up(shard_of(tenant.id))
    for _ in range(service.container.settings.projection_max_attempts - 1):
        make_due(service.container.read_pool)
        service.container.engine.catch_up(shard_of(tenant.id))
    execute(database_url, "ALTER TABLE read_schema.user_projections DROP CONSTRAINT short")
    service.container.dead_letters.retry_class("CheckViolation")
    service.container.engine.catch_up(shard_of(tenant.id))

    found = counted(service, "fold", "users")
    attempts = service.container.settings.projection_max_attempts
    assert {name: found.get(name) for name in ("events", "parked", "failed_again", "dead", "released")} == {
        "events": 4,
        "parked": 1,
        "failed_again": attempts - 1,
        "dead": 1,
        "released": 1,
    }


def test_a_projection_that_pauses_itself(service: Service, tenant: Tenant, database_url: str) -> None:
    users = [tenant.user() for _ in range(3)]
    service.fold()
    container = bootstrap(replace(service.container.settings, projection_pause_threshold=2))
    container.telemetry.start()
    execute(database_url, "ALTER TABLE read_schema.user_projections ADD CONSTRAINT no CHECK (last_name <> 'No')")
    for user in users:
        service.done("PATCH", f"/users/{user.id}", {"last_name": "No"}, by=user)

    container.engine.catch_up(shard_of(tenant.id))
    container.close()

    # The other process has ended, and told what it had counted.
    assert counted(service, "fold", "users")["paused"] == 1


def test_how_waits_for_a_position_end(service: Service, tenant: Tenant) -> None:
    service.fold()
    path, shard = f"/tenants/{tenant.id}/summary", shard_of(tenant.id)
    assert service.send("GET", path, headers={"Min-Position": f"{shard}-1"}).status_code == 200
    ahead = {"Min-Position": f"{shard}-1000", "Prefer": "wait=0"}
    problem(service.send("GET", path, headers=ahead), 503, "not_caught_up")

    assert (times(service, "wait", "reached"), times(service, "wait", "late")) == (1, 1)


def test_what_becomes_of_hints(service: Service) -> None:
    hints = HintSender(service.container.settings.redis_url, service.container.counters)
    hints.send(1)
    hints.send(1)
    hints.take(1, most=10)
    hints.close()
    lost = HintSender("redis://127.0.0.1:1", service.container.counters)
    lost.send(1)
    lost.close()

    assert counted(service, "hint", "project") == {"sent": 1, "spared": 1, "taken": 1, "lost": 1}


def test_the_clocks_jobs_and_the_history_that_one_of_them_writes(service: Service, tenant: Tenant) -> None:
    container = service.container
    hints = HintSender(container.settings.redis_url, container.counters)
    history = jobs(container, hints)["history"]
    log = JobLog(container.read_pool)
    run = LoggedRun("history", history, log, container.counters)
    run()
    service.send("GET", f"/tenants/{tenant.id}/summary")
    run()
    with pytest.raises(ZeroDivisionError):
        Job(lambda: 1 / 0, 1.0).run()
    LoggedRun("broken", Job(lambda: 1 / 0, 1.0), log, container.counters)()
    hints.close()

    assert counted(service, "job", "history/done")["n"] == 2
    assert counted(service, "job", "broken/failed")["n"] == 1
    (point,) = container.telemetry.history()
    assert point["queries_per_second"] > 0
    # Nothing has been folded yet.
    assert {name: lag["events"] for name, lag in point["lag"].items()}["users"] == 1
