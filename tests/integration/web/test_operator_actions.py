"""What can be done on the operator's page, each with a form and no script."""

from __future__ import annotations

from typing import Any

import pytest

from domain.read.dead_letters import DeadLetter
from tests.integration.read.poison import execute
from tests.integration.web.operators import OWN, Operator, fields_of, said, text
from tests.integration.web.service import Service, Tenant
from tests.integration.web.test_cache_admin import level, warm
from tests.integration.web.test_dead_letters import fold
from tests.integration.web.test_rebuilds import change_all_users, last_name

PAGE = "/projections"


@pytest.fixture
def root(service: Service) -> Operator:
    return Operator(service)


@pytest.fixture
def letter(service: Service, tenant: Tenant, database_url: str) -> DeadLetter:
    """A user whose new name doesn't fit."""
    ada = tenant.user()
    fold(service)
    execute(database_url, "ALTER TABLE read_schema.user_projections ADD CONSTRAINT short CHECK (length(last_name) < 9)")
    service.done("PATCH", f"/users/{ada.id}", {"last_name": "Lovelace-Byron"}, by=ada)
    fold(service)
    (letter,) = service.container.dead_letters.page().letters
    return letter


@pytest.fixture
def woken(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The shards of which the workers are told."""
    shards: list[int] = []
    monkeypatch.setattr(service.container, "_on_appended", lambda position, _count: shards.append(position.shard))
    return shards


def test_a_dead_letter_is_retried(
    root: Operator, service: Service, letter: DeadLetter, database_url: str, woken: list[int]
) -> None:
    page = f"/dead-letters/{letter.id}"
    execute(database_url, "ALTER TABLE read_schema.user_projections DROP CONSTRAINT short")

    assert "good: user.updated at" in root.send(page, f"{page}/retry")
    assert woken == [letter.position.shard]
    service.fold()

    assert "Nothing stands still" in root.page("/dead-letters")
    assert "404 Not Found" in text(root.get(page, 404))


def test_a_class_of_errors_is_retried(
    root: Operator, service: Service, letter: DeadLetter, database_url: str, woken: list[int]
) -> None:
    execute(database_url, "ALTER TABLE read_schema.user_projections DROP CONSTRAINT short")

    assert root.send("/dead-letters", "/dead-letters/retry").startswith("good: 1 event is tried again")
    assert woken == [letter.position.shard]
    service.fold()
    assert "Nothing stands still" in root.page("/dead-letters")


def test_a_retry_says_that_its_projection_is_paused(root: Operator, service: Service, letter: DeadLetter) -> None:
    page = f"/dead-letters/{letter.id}"
    service.container.projection_switch.pause("users", "Maintenance", "ops")

    later = "tried again once users is resumed (it is paused)."
    assert f"{letter.position} is {later} It leaves the list" in root.send(page, f"{page}/retry")
    assert root.send("/dead-letters", "/dead-letters/retry").startswith(f"good: 1 event is {later}")


def test_an_event_is_skipped_with_a_reason_and_on_record(root: Operator, service: Service, letter: DeadLetter) -> None:
    page = f"/dead-letters/{letter.id}"

    assert root.send(page, f"{page}/skip", reason="  ").startswith("bad: reason")
    assert "for good, on record" in root.send(page, f"{page}/skip", reason="The name is a joke.")
    service.fold()

    assert "The name is a joke. root CheckViolation" in root.page("/dead-letters/skipped")
    assert "Nothing stands still" in root.page("/dead-letters")


def test_what_has_gone_meanwhile_is_said_and_nothing_done(root: Operator, service: Service, letter: DeadLetter) -> None:
    page = f"/dead-letters/{letter.id}"
    sent = root.submit(page, f"{page}/retry")
    service.container.dead_letters.skip(letter.id, "x", "other")
    service.fold()
    again = root.client.post(f"/admin{page}/retry", data=fields_of(root, "/cache", "/cache/warm-up"), headers=OWN)

    assert (sent.status_code, again.status_code) == (303, 303)
    assert "There is no such dead letter, or not any more" in root.follow(again).text


def test_a_projection_is_paused_and_resumed(root: Operator, service: Service, tenant: Tenant, woken: list[int]) -> None:
    assert root.send(PAGE, f"{PAGE}/users/pause", reason="").startswith("bad: reason")
    assert "good: users is paused" in root.send(PAGE, f"{PAGE}/users/pause", reason="Maintenance")
    assert "by root: Maintenance" in root.page(PAGE)
    woken.clear()

    assert "parks whatever fails for ten minutes" in root.send(PAGE, f"{PAGE}/users/resume", reason="Done", park="1")
    assert woken == list(service.container.event_store.heads())
    with service.container.read_pool.cursor() as cursor:
        cursor.execute("SELECT state, reason, changed_by, parks_until > now() FROM read_schema.projections")
        assert cursor.fetchall() == [("running", "Done", "root", True)]


def test_a_rebuild_is_begun_watched_compared_and_undone(root: Operator, service: Service, tenant: Tenant) -> None:
    tenant.user()
    service.fold()
    change_all_users(service)

    assert "The rebuild of users begins" in root.send(PAGE, f"{PAGE}/users/rebuild", how="compare")
    page = root.get(PAGE).text
    assert '<progress max="3" value="0" aria-label="Events folded by the rebuild of users">' in page
    fields = fields_of(root, PAGE, f"{PAGE}/workspaces/rebuild")
    again = root.follow(root.client.post(f"/admin{PAGE}/users/rebuild", data=fields, headers=OWN))
    assert "bad: A rebuild of projection users is running" in said(again)
    while service.container.rebuilder.drive("users"):
        pass

    page = root.page(PAGE)
    assert "Rebuild done by root" in page
    assert "1 row differs" in page
    assert last_name(service, tenant) == "Lovelace"
    assert "1 row differs" in root.page(f"{PAGE}/users/comparison")
    assert "The former rows of users are the live ones" in root.send(PAGE, f"{PAGE}/users/way-back")
    assert last_name(service, tenant) == "Changed"


def test_a_rebuild_only_compares_and_another_is_called_off(root: Operator, service: Service, tenant: Tenant) -> None:
    service.fold()
    root.send(PAGE, f"{PAGE}/workspaces/rebuild", how="compare_only")
    assert (running := service.container.rebuilder.progress("workspaces"))["compare"]
    assert (running["cut_over"], running["started_by"]) == (False, "root")

    assert "The rebuild of workspaces is called off" in root.send(PAGE, f"{PAGE}/workspaces/cancel")
    assert "Rebuild cancelled by root" in root.page(PAGE)


def test_rows_are_verified_and_repaired(root: Operator, service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    service.fold()
    assert "are what their events say" in root.send(PAGE, f"{PAGE}/users/verify")
    change_all_users(service)

    found = root.send(PAGE, f"{PAGE}/users/verify")
    assert found.startswith("bad: users: of")
    assert ada.id in found
    repair = f"{PAGE}/users/repair"
    assert "bad: tenant_id: it must be a UUID" in root.send(PAGE, repair, tenant_id="x", aggregate_id=ada.id)
    assert "of 1 rows 1 had to be put right" in root.send(PAGE, repair, tenant_id=tenant.id, aggregate_id=f" {ada.id} ")
    assert last_name(service, tenant) == "Lovelace"


def test_of_rows_that_are_not_known_by_name_the_number_is_said(
    root: Operator, service: Service, tenant: Tenant
) -> None:
    # Given more users whose rows are wrong than the record has room for
    for _ in range(21):
        tenant.user()
    service.fold()
    change_all_users(service)
    (found,) = service.container.verifier.all(["users"])
    assert found["drifted"] > 20

    # When all that are known are right again
    with service.container.read_pool.cursor() as cursor:
        cursor.execute("UPDATE read_schema.user_projections SET last_name = 'Lovelace'")

    answer = root.send(PAGE, f"{PAGE}/users/verify")
    assert f" {found['drifted'] - 20} differ from their events. Verifying all of them shows which." in answer


def test_a_projection_that_is_not_there(root: Operator) -> None:
    fields = fields_of(root, "/cache", "/cache/warm-up") | {"reason": "x"}

    for action in ("pause", "resume", "rebuild", "cancel", "way-back", "verify"):
        sent = root.client.post(f"/admin{PAGE}/nothing/{action}", data=fields, headers=OWN)
        assert "There is no" in root.follow(sent).text, action
    assert root.client.get(f"/admin{PAGE}/nothing/comparison").status_code == 404


@pytest.mark.parametrize(
    "named",
    [
        {"tenant_id": "{tenant}"},
        {"what": "tags", "tags": "user:{ada}, users"},
        {"what": "key", "key": "user:{ada}:tenant:{tenant}:v:1"},
        {"what": "class", "class": "user"},
        {"what": "pattern", "pattern": "user:*", "key": "left over"},
    ],
    ids=str,
)
def test_what_is_named_is_not_answered_from_the_cache_any_more(
    root: Operator, service: Service, tenant: Tenant, named: dict[str, Any]
) -> None:
    ada = tenant.user().id
    warm(service, f"/users/{ada}")
    fields = {name: value.format(tenant=tenant.id, ada=ada) for name, value in named.items()}

    assert "is not answered any more" in root.send("/cache", "/cache/invalidate", **fields)

    assert level(service, f"/users/{ada}") == "database"


def test_what_can_not_be_invalidated_is_said(root: Operator) -> None:
    for fields, words in (
        ({}, "say what: a tenant_id, tags"),
        ({"what": "tags", "tags": "nothing:1"}, "there is no tag like"),
        ({"what": "pattern", "pattern": "x"}, "neither a key nor the beginning"),
        ({"what": "class", "class": "x"}, "bad: class"),
        ({"tenant_id": "x"}, "bad: tenant_id: it must be a UUID"),
        ({"what": "key", "key": ""}, "bad:"),
    ):
        assert words in root.send("/cache", "/cache/invalidate", **fields), fields


def test_a_warm_up_is_asked_for_and_watched(root: Operator, service: Service, tenant: Tenant) -> None:
    service.fold()
    sent = root.submit("/cache", "/cache/warm-up", tenant_id=tenant.id, limit="3")
    watched = sent.headers["Location"].removeprefix("/admin")
    assert "Warm-up waiting 0 of 0 answers" in root.page(watched)

    assert service.container.caching.warm_ups.drive()

    assert "Warm-up done 3 of 3 answers" in root.page(watched)
    assert "asked for by root for one tenant" in root.page(watched)
    assert "bad: limit: it must be a whole number" in root.send("/cache", "/cache/warm-up", limit="many")
    assert "bad: limit" in root.send("/cache", "/cache/warm-up", limit="0")


def test_a_tenants_page_looks_after_its_cache(root: Operator, service: Service, tenant: Tenant) -> None:
    ada = tenant.user().id
    warm(service, f"/users/{ada}")

    assert "of 1 tenant by *" in root.send(f"/tenants/{tenant.id}", "/cache/invalidate")

    assert level(service, f"/users/{ada}") == "database"
    assert "warms the cache up" in root.send(f"/tenants/{tenant.id}", "/cache/warm-up")
