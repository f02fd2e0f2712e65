"""If-Match, Idempotency-Key, X-Request-ID and traceparent on commands."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.model.position import shard_of
from tests.integration.web.service import ROOT, Service, Tenant, problem

ADA = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}
KEY = {"Idempotency-Key": "k-1"}


def test_if_match_lets_the_present_version_through(service: Service, tenant: Tenant) -> None:
    path = f"/tenants/{tenant.id}"

    changed = service.send("PATCH", path, {"name": "A"}, headers={"If-Match": '"1"'})

    assert changed.headers["ETag"] == '"2"'
    service.done("PATCH", path, {"name": "B"}, headers={"If-Match": changed.headers["ETag"]})
    service.done("PATCH", path, {"name": "C"}, headers={"If-Match": "*"})


@pytest.mark.parametrize("tag", ['"1"', '"3"', 'W/"2"', '"x"', '""', '"02"', f'"{10**30}"', '"-1"'])
def test_if_match_stops_every_other(service: Service, tenant: Tenant, tag: str) -> None:
    path = f"/tenants/{tenant.id}"
    service.done("PATCH", path, {"name": "A"})

    problem(service.send("PATCH", path, {"name": "B"}, headers={"If-Match": tag}), 412, "version_mismatch")


@pytest.mark.parametrize("tag", ['W/"1"', '"x"', '""', '"01"', '"-1"'])
def test_who_names_no_version_is_told_what_one_looks_like(service: Service, tenant: Tenant, tag: str) -> None:
    sent = {"headers": {"If-Match": tag}, "by": tenant.admin}
    changed = service.send("PATCH", f"/users/{tenant.user('pending').id}", {"first_name": "B"}, **sent)
    created = service.send("POST", "/users", ADA, **sent)

    for refused in (changed, created):
        detail = problem(refused, 412, "version_mismatch")["detail"]
        assert "event_version" in detail
        assert "expected" not in detail


def test_the_tag_of_a_query_names_no_version(service: Service, tenant: Tenant) -> None:
    shown = service.get(f"/tenants/{tenant.id}/summary")

    def rename(tag: str) -> Any:
        return service.send("PATCH", f"/tenants/{tenant.id}", {"name": "New"}, headers={"If-Match": tag})

    assert "event_version" in problem(rename(shown.headers["ETag"]), 412, "version_mismatch")["detail"]
    assert rename(f'"{shown.json["event_version"]}"').status_code == 200


@pytest.mark.parametrize("tag", ["2", '"2', '"1", "2"', "'2'", 'w/"2"', "\xff"])
def test_if_match_is_well_formed(service: Service, tenant: Tenant, tag: str) -> None:
    response = service.send("PATCH", f"/tenants/{tenant.id}", {"name": "B"}, headers={"If-Match": tag})

    problem(response, 400, "malformed")


def test_what_is_created_has_no_version_yet(service: Service, tenant: Tenant) -> None:
    def register(tag: str, email: str) -> Any:
        return service.send("POST", "/users", ADA | {"email": email}, by=tenant.admin, headers={"If-Match": tag})

    problem(register('"1"', "a@example.com"), 412, "version_mismatch")
    assert register("*", "b@example.com").status_code == 201


def test_if_match_counts_for_members_too(service: Service, tenant: Tenant) -> None:
    ada, bob = tenant.user(), tenant.user()
    path, body = f"/workspaces/{tenant.workspace(ada)}/members", {"user_id": bob.id, "role": "viewer"}

    problem(service.send("POST", path, body, by=ada, headers={"If-Match": '"2"'}), 412, "version_mismatch")
    service.done("POST", path, body, by=ada, headers={"If-Match": '"1"'})


def test_a_key_repeats_the_answer(service: Service, tenant: Tenant) -> None:
    first = service.send("POST", "/users", ADA, by=tenant.admin, headers=KEY)

    again = service.send("POST", "/users", ADA, by=tenant.admin, headers=KEY)

    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert service.get(f"/users/tenant/{tenant.id}", by=tenant.admin).json["pagination"]["total"] == 1


def test_a_body_is_the_same_in_another_order_and_spacing(service: Service, tenant: Tenant) -> None:
    def send(body: bytes) -> Any:
        options = {"data": body, "content_type": "application/json", "headers": KEY}
        return service.send("POST", "/users", by=tenant.admin, **options)

    first = send(json.dumps(ADA).encode())

    assert send(json.dumps(dict(reversed(ADA.items())), indent=2).encode()).json == first.json
    problem(send(json.dumps(ADA | {"first_name": "A"}).encode()), 422, "idempotency_key_reused")


def test_a_key_finds_the_tenant_it_made(service: Service) -> None:
    body = {"name": "Acme", "slug": "acme", "plan": "free"}

    first = service.done("POST", "/tenants", body, headers=KEY)

    assert service.done("POST", "/tenants", body, headers=KEY) == first
    problem(service.send("POST", "/tenants", body | {"name": "x"}, headers=KEY), 422, "idempotency_key_reused")
    problem(service.send("POST", "/tenants", body, headers={"Idempotency-Key": "k-2"}), 409, "slug_taken")


def forget_answers(service: Service) -> None:
    """Let so much time go by that the clock deletes every answer that is kept now."""
    service.container.event_store.forget_answers(datetime.now(UTC) + timedelta(hours=1), limit=100)


def test_a_key_that_was_forgotten_is_new_also_for_a_tenant(service: Service) -> None:
    # Given a key with which a tenant was made so long ago that its answer isn't kept any more
    bodies = [{"name": "Acme", "slug": f"acme-{number}", "plan": "free"} for number in range(3)]
    made = [service.done("POST", "/tenants", bodies[0], headers=KEY)]

    for body in bodies[1:]:
        forget_answers(service)
        problem(service.send("POST", "/tenants", bodies[0], headers=KEY), 409, "slug_taken")

        # When another is made with it
        made.append(service.done("POST", "/tenants", body, headers=KEY))

        # Then the key stands for that one
        assert service.done("POST", "/tenants", body, headers=KEY) == made[-1]
        problem(service.send("POST", "/tenants", bodies[0], headers=KEY), 422, "idempotency_key_reused")
    assert len({each["id"] for each in made}) == len(bodies)


def test_a_key_that_was_forgotten_and_is_sent_many_times_at_once_makes_one_tenant(service: Service) -> None:
    first = service.done("POST", "/tenants", {"name": "Acme", "slug": "acme", "plan": "free"}, headers=KEY)
    forget_answers(service)
    start = threading.Barrier(8)

    def create(number: int) -> Any:
        start.wait()
        body = {"name": "Acme", "slug": f"acme-{number % 2}", "plan": "free"}
        return Service(service.app).send("POST", "/tenants", body, headers=KEY)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(create, range(8)))

    # Half of them ask for something else than the one that was the first.
    assert Counter(answer.status_code for answer in answers) == {201: 4, 422: 4}
    assert len({answer.data for answer in answers if answer.status_code == 201}) == 1
    assert first["id"] not in {answer.json.get("id") for answer in answers}


def test_a_key_repeats_a_command_that_could_not_be_done_twice(service: Service, tenant: Tenant) -> None:
    path = f"/users/{tenant.user('pending').id}/activate"

    first = service.done("POST", path, by=tenant.admin, headers=KEY)

    assert service.done("POST", path, by=tenant.admin, headers=KEY) == first
    problem(service.send("POST", path, by=tenant.admin), 409, "user_already_active")


def test_a_refusal_is_not_kept(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    path = f"/users/{ada.id}/activate"

    problem(service.send("POST", path, by=tenant.admin, headers=KEY), 409, "user_already_active")
    service.done("POST", f"/users/{ada.id}/deactivate", by=tenant.admin)

    service.done("POST", path, by=tenant.admin, headers=KEY)


def test_a_key_is_for_one_request(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    service.done("PATCH", f"/users/{ada.id}", {"first_name": "A"}, by=ada, headers=KEY)

    for method, path, body, by in (
        ("PATCH", f"/users/{ada.id}", {"first_name": "B"}, ada),
        ("PATCH", f"/users/{ada.id}", {"first_name": "A"}, tenant.admin),
        ("PATCH", f"/users/{tenant.user().id}", {"first_name": "A"}, tenant.admin),
        ("POST", f"/users/{ada.id}/deactivate", None, tenant.admin),
    ):
        problem(service.send(method, path, body, by=by, headers=KEY), 422, "idempotency_key_reused")


def test_another_tenants_keys_are_its_own(service: Service, tenant: Tenant) -> None:
    other = service.tenant()

    first = service.done("POST", "/users", ADA, by=tenant.admin, headers=KEY)

    assert service.done("POST", "/users", ADA, by=other.admin, headers=KEY)["id"] != first["id"]


def test_a_key_sent_many_times_at_once_has_one_effect(service: Service, tenant: Tenant) -> None:
    answers = []

    def register() -> None:
        answers.append(Service(service.app).send("POST", "/users", ADA, by=tenant.admin, headers=KEY))

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\xe4", "a\tb"])
def test_a_key_is_well_formed(service: Service, tenant: Tenant, key: str) -> None:
    headers = {"Idempotency-Key": key}

    problem(service.send("POST", "/users", ADA, by=tenant.admin, headers=headers), 400, "malformed")


def test_where_a_command_came_from_is_kept_and_said_again(service: Service, tenant: Tenant) -> None:
    sent = {"X-Request-ID": "req-1", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}

    response = service.send("PATCH", f"/tenants/{tenant.id}", {"name": "A"}, headers=sent)

    assert {name: response.headers[name] for name in sent} == sent
    event = service.container.event_store.read(shard_of(tenant.id), 0, 10)[-1]
    assert event.metadata["correlation_id"] == "req-1"
    assert event.metadata["traceparent"] == sent["traceparent"]
    assert (event.metadata["actor_id"], event.metadata["command"]) == (ROOT.id, "ChangeTenant")


@pytest.mark.parametrize("id", ["", "a b", "x" * 129, '"', "\xe4"])
@pytest.mark.parametrize("trace", ["", "x", f"00-{'0' * 32}-{'b' * 16}-01", f"00-{'a' * 32}-{'0' * 16}-01"])
def test_ids_not_fit_to_be_logged_are_replaced(service: Service, id: str, trace: str) -> None:
    response = service.send("GET", "/nowhere", headers={"X-Request-ID": id, "traceparent": trace})

    assert len(response.headers["X-Request-ID"]) == 36
    assert "traceparent" not in response.headers
