"""Looking after what stands still, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.read.poison import execute
from tests.integration.web.service import Service, Tenant, problem
from web.admin.dead_letter_schemas import DeadLettersView, InspectionView, ProjectionStateView, SkippedView

LETTERS = "/admin/cqrs/dead-letters"


def fold(service: Service) -> None:
    for shard in service.container.event_store.heads():
        service.container.engine.catch_up(shard)


@pytest.fixture
def letter(service: Service, tenant: Tenant, database_url: str) -> dict[str, Any]:
    """A user whose new name doesn't fit, and who has another event waiting."""
    ada = tenant.user(email="ada@example.com")
    fold(service)
    execute(database_url, "ALTER TABLE read_schema.user_projections ADD CONSTRAINT short CHECK (length(last_name) < 9)")
    service.done("PATCH", f"/users/{ada.id}", {"last_name": "Lovelace-Byron"}, by=ada)
    service.done("PATCH", f"/users/{ada.id}", {"first_name": "Augusta"}, by=ada)
    fold(service)
    letters = service.done("GET", LETTERS)["dead_letters"]
    assert len(letters) == 1
    return letters[0]


def test_the_list_tells_what_failed_and_how(letter: dict[str, Any], service: Service) -> None:
    assert DeadLettersView().validate(service.done("GET", LETTERS)) == {}
    assert (letter["state"], letter["projection"], letter["event_type"]) == ("parked", "users", "user.updated")
    assert (letter["error_class"], letter["attempts"], letter["version"]) == ("CheckViolation", 1, 3)
    assert "short" in letter["error_text"]
    assert "ada@example.com" not in str(letter)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=parked", 1),
        ("state=dead", 0),
        ("projection=users", 1),
        ("projection=workspaces", 0),
        ("error_class=CheckViolation", 1),
        ("error_class=KeyError", 0),
    ],
)
def test_the_list_can_be_narrowed(letter: dict[str, Any], service: Service, query: str, found: int) -> None:
    assert len(service.done("GET", f"{LETTERS}?{query}")["dead_letters"]) == found


def test_the_list_goes_on_from_its_cursor(
    letter: dict[str, Any], service: Service, tenant: Tenant, database_url: str
) -> None:
    for _ in range(2):
        someone = tenant.user(last_name="Short")
        service.done("PATCH", f"/users/{someone.id}", {"last_name": "Not short at all"}, by=someone)
        fold(service)
    whole = [each["id"] for each in service.done("GET", LETTERS)["dead_letters"]]

    found, cursor = [], ""
    while cursor is not None:
        page = service.done("GET", f"{LETTERS}?limit=1{cursor and f'&cursor={cursor}'}")
        found += [each["id"] for each in page["dead_letters"]]
        cursor = page["next_cursor"]

    assert found == whole
    assert len(set(whole)) == 3
    assert whole[-1] == letter["id"]


@pytest.mark.parametrize(
    "query",
    ["state=x", "limit=0", "cursor=x", "cursor=", "projection=%00", "error_class=%00", "other=1", "cursor=MS8x"],
)
def test_a_list_that_makes_no_sense_is_refused(service: Service, query: str) -> None:
    problem(service.send("GET", f"{LETTERS}?{query}"), 422, service.send("GET", f"{LETTERS}?{query}").json["code"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "?projection=user", None),
        ("GET", "/skipped?projection=user", None),
        ("POST", "/retry", {"error_class": "CheckViolation", "projection": "user"}),
    ],
)
def test_what_stands_still_in_a_projection_that_is_not_there_is_not_found(
    letter: dict[str, Any], service: Service, method: str, path: str, body: Any
) -> None:
    problem(service.send(method, f"{LETTERS}{path}", body), 404, "projection_not_found")


def test_one_is_shown_with_its_event_and_what_waits_behind_it(letter: dict[str, Any], service: Service) -> None:
    shown = service.done("GET", f"{LETTERS}/{letter['id']}")

    assert InspectionView().validate(shown) == {}
    assert shown["event"]["payload"] == {"last_name": "Lovelace-Byron"}
    assert [event["version"] for event in shown["waiting_events"]] == [4]
    assert "isolation.py" in shown["error_trace"]
    assert "ada@example.com" not in shown["error_trace"]


@pytest.mark.parametrize("id", ["x", "%00", "MS8y", "dXNlcnMvMS8yLzM", "x" * 3000])
@pytest.mark.parametrize(
    ("method", "tail", "body"), [("GET", "", None), ("POST", "/retry", {}), ("POST", "/skip", {"reason": "x"})]
)
def test_what_is_no_dead_letter_is_not_found(service: Service, method: str, tail: str, body: Any, id: str) -> None:
    problem(service.send(method, f"{LETTERS}/{id}{tail}", body), 404, "dead_letter_not_found")


def test_a_retry_goes_through_once_the_fault_is_gone(
    letter: dict[str, Any], service: Service, tenant: Tenant, database_url: str
) -> None:
    execute(database_url, "ALTER TABLE read_schema.user_projections DROP CONSTRAINT short")

    assert service.send("POST", f"{LETTERS}/{letter['id']}/retry").status_code == 202
    user = service.get(f"/users/{letter['aggregate_id']}", by=tenant.admin).json

    assert (user["first_name"], user["last_name"]) == ("Augusta", "Lovelace-Byron")
    assert service.done("GET", LETTERS)["dead_letters"] == []
    problem(service.send("POST", f"{LETTERS}/{letter['id']}/retry"), 404, "dead_letter_not_found")


def test_a_class_of_errors_is_retried_at_once(letter: dict[str, Any], service: Service, database_url: str) -> None:
    def retry(**body: str) -> int:
        return service.send("POST", f"{LETTERS}/retry", body).json["retried"]

    execute(database_url, "ALTER TABLE read_schema.user_projections DROP CONSTRAINT short")

    assert (retry(error_class="KeyError"), retry(error_class="CheckViolation", projection="workspaces")) == (0, 0)
    assert retry(error_class="CheckViolation") == 1
    service.fold()
    assert service.done("GET", LETTERS)["dead_letters"] == []


def test_a_skip_leaves_one_event_out_and_stays_on_record(
    letter: dict[str, Any], service: Service, tenant: Tenant
) -> None:
    response = service.send("POST", f"{LETTERS}/{letter['id']}/skip", {"reason": "The name is a joke."})

    assert response.status_code == 202
    user = service.get(f"/users/{letter['aggregate_id']}", by=tenant.admin).json
    assert (user["first_name"], user["last_name"], user["event_version"]) == ("Augusta", "Lovelace", 4)
    with service.container.read_pool.cursor() as cursor:
        cursor.execute("SELECT version, reason, skipped_by, error_class FROM read_schema.skipped_events")
        assert cursor.fetchall() == [(3, "The name is a joke.", "root", "CheckViolation")]


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": None}, {"reason": 5}])
def test_a_skip_needs_a_reason(letter: dict[str, Any], service: Service, body: dict[str, Any]) -> None:
    problem(service.send("POST", f"{LETTERS}/{letter['id']}/skip", body), 422, "validation_failed")


def test_workers_are_woken(letter: dict[str, Any], service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[int] = []
    note: Callable[..., None] = lambda position, _count: woken.append(position.shard)  # noqa: E731
    monkeypatch.setattr(service.container, "_on_appended", note)

    service.send("POST", f"{LETTERS}/{letter['id']}/retry")
    service.send("POST", f"{LETTERS}/retry", {"error_class": "CheckViolation"})

    assert woken == [int(letter["position"].partition("-")[0])] * 2


def test_a_paused_projection_folds_nothing_until_it_is_resumed(service: Service, tenant: Tenant) -> None:
    paused = service.done("POST", "/admin/cqrs/projections/users/pause", {"reason": "Maintenance"})
    ada = tenant.user()

    problem(service.get(f"/users/{ada.id}", by=tenant.admin), 404, "user_not_found")
    assert service.get(f"/tenants/{tenant.id}/summary", by=tenant.admin).json["total_users"] == 1
    resumed = service.done("POST", "/admin/cqrs/projections/users/resume", {"reason": "Done"})

    assert service.get(f"/users/{ada.id}", by=tenant.admin).status_code == 200
    assert (paused["state"], paused["reason"], paused["changed_by"]) == ("paused", "Maintenance", "root")
    assert (resumed["state"], resumed["reason"]) == ("running", "Done")
    assert ProjectionStateView().validate(paused) == ProjectionStateView().validate(resumed) == {}


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_a_projection_that_is_not_there_can_not_be_switched(service: Service, action: str) -> None:
    path = f"/admin/cqrs/projections/nothing/{action}"
    problem(service.send("POST", path, {"reason": "x"}), 404, "projection_not_found")
    problem(service.send("POST", path, {}), 422, "validation_failed")


def test_what_was_skipped_stays_on_record(letter: dict[str, Any], service: Service, tenant: Tenant) -> None:
    service.send("POST", f"{LETTERS}/{letter['id']}/skip", {"reason": "A joke"})
    fold(service)

    body = service.done("GET", f"{LETTERS}/skipped")

    assert SkippedView().validate(body) == {}
    (skipped,) = body["skipped_events"]
    assert (skipped["reason"], skipped["skipped_by"], skipped["error_class"]) == ("A joke", "root", "CheckViolation")
    assert (skipped["position"], skipped["version"]) == (letter["position"], letter["version"])
    assert body["next_cursor"] is None
    # Nothing stands still any more.
    assert service.done("GET", LETTERS)["dead_letters"] == []


@pytest.mark.parametrize(
    ("query", "found"), [("projection=users", 1), ("projection=workspaces", 0), ("error_class=KeyError", 0)]
)
def test_the_record_can_be_narrowed(letter: dict[str, Any], service: Service, query: str, found: int) -> None:
    service.send("POST", f"{LETTERS}/{letter['id']}/skip", {"reason": "A joke"})

    assert len(service.done("GET", f"{LETTERS}/skipped?{query}")["skipped_events"]) == found


def test_the_record_goes_on_from_its_cursor(letter: dict[str, Any], service: Service, tenant: Tenant) -> None:
    for _ in range(2):
        someone = tenant.user(last_name="Short")
        service.done("PATCH", f"/users/{someone.id}", {"last_name": "Not short at all"}, by=someone)
    fold(service)
    for each in service.done("GET", LETTERS)["dead_letters"]:
        service.send("POST", f"{LETTERS}/{each['id']}/skip", {"reason": "A joke"})
    whole = [each["aggregate_id"] for each in service.done("GET", f"{LETTERS}/skipped")["skipped_events"]]

    found, cursor = [], ""
    while cursor is not None:
        page = service.done("GET", f"{LETTERS}/skipped?limit=1{cursor and f'&cursor={cursor}'}")
        found += [each["aggregate_id"] for each in page["skipped_events"]]
        cursor = page["next_cursor"]

    assert found == whole
    assert len(set(whole)) == 3
    # One list's cursor is none of another's.
    problem(service.send("GET", f"{LETTERS}/skipped?cursor=MS8x"), 422, "invalid")
