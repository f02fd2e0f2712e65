"""What queries answer, and how."""

from __future__ import annotations

import threading
from typing import Any

import marshmallow as ma
import pytest

from tests.integration.web.service import ROOT, Service, Tenant, problem
from tests.stopwatch import Stopwatch
from web.tenants.schemas import DashboardView, TenantSummaryView
from web.users.schemas import UsersPageView, UserView
from web.workspaces.schemas import MembersPageView, WorkspacesPageView, WorkspaceView

NOBODY = "00000000-0000-4000-8000-000000000000"

#: Path and schema of each of the eight.
QUERIES: dict[str, tuple[str, type[ma.Schema]]] = {
    "profile": ("/users/profile", UserView),
    "user": ("/users/{user}", UserView),
    "users": ("/users/tenant/{tenant}", UsersPageView),
    "workspace": ("/workspaces/{workspace}", WorkspaceView),
    "workspaces": ("/workspaces/tenant/{tenant}", WorkspacesPageView),
    "members": ("/workspaces/{workspace}/members", MembersPageView),
    "summary": ("/tenants/{tenant}/summary", TenantSummaryView),
    "dashboard": ("/tenants/{tenant}/dashboard", DashboardView),
}

LISTS = ("users", "workspaces", "members")


@pytest.fixture
def paths(tenant: Tenant) -> dict[str, str]:
    """The paths of the queries about a tenant with a user and a workspace; the user is the only one of that id."""
    tenant.user("pending")
    tenant.user("deactivated")
    ada = tenant.user()
    names = {"tenant": tenant.id, "user": ada.id, "workspace": tenant.workspace(ada, settings={"next_cursor": "x"})}
    return {query: path.format(**names) for query, (path, _) in QUERIES.items()} | {"ada": ada.id}


@pytest.mark.parametrize("query", QUERIES)
def test_the_body_is_as_its_schema_says(service: Service, tenant: Tenant, paths: dict[str, str], query: str) -> None:
    ada = tenant.actor(paths["ada"])

    response = service.get(paths[query], by=ada)

    assert response.status_code == 200
    assert response.content_type == "application/json"
    QUERIES[query][1]().load(response.json)
    head = service.container.event_store.heads()
    (shard,) = {each for each in head if response.headers["Event-Position"].startswith(f"{each}-")}
    assert response.headers["Event-Position"] == f"{shard}-{head[shard]}"
    assert response.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("query", QUERIES)
def test_who_has_it_already_gets_304(service: Service, tenant: Tenant, paths: dict[str, str], query: str) -> None:
    ada = tenant.actor(paths["ada"])
    first = service.get(paths[query], by=ada)
    tag = first.headers["ETag"]
    assert tag.startswith('"')

    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = service.get(paths[query], by=ada, headers={"If-None-Match": given})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["Event-Position"] == first.headers["Event-Position"]

    assert service.get(paths[query], by=ada, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_change_changes_the_tag(service: Service, tenant: Tenant) -> None:
    ada = tenant.user()
    tag = service.get("/users/profile", by=ada).headers["ETag"]

    service.done("PATCH", f"/users/{ada.id}", {"first_name": "Augusta"}, by=ada)

    assert service.get("/users/profile", by=ada, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("query", QUERIES)
def test_without_a_token_nothing_is_shown(service: Service, paths: dict[str, str], query: str) -> None:
    response = service.get(paths[query], by=None)

    problem(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("query", [query for query in QUERIES if query != "profile"])
def test_another_tenants_things_are_not_there(service: Service, paths: dict[str, str], query: str) -> None:
    other = service.tenant()
    missing = QUERIES[query][0].format(tenant=NOBODY, user=NOBODY, workspace=NOBODY)
    odd = QUERIES[query][0].format(tenant="x", user="x", workspace="x")

    for actor in (other.admin, other.user()):
        answers = [service.get(path, by=actor) for path in (paths[query], missing, odd)]
        for answer in answers:
            assert answer.status_code == 404
            assert answer.json == answers[0].json
        # The third is no id, so nothing is looked for, and no position can be said.
        assert list(answers[0].headers.keys()) == list(answers[1].headers.keys())
        assert answers[0].headers.get("Event-Position") == answers[1].headers.get("Event-Position")
    assert service.get(missing, by=ROOT).json == answers[0].json


@pytest.mark.parametrize("query", ["user", "workspace", "members"])
def test_what_is_not_there_is_not_there_at_a_position(
    service: Service, tenant: Tenant, paths: dict[str, str], query: str
) -> None:
    position = service.done("PATCH", f"/tenants/{tenant.id}", {"name": "New"})["position"]
    service.fold()
    missing = QUERIES[query][0].format(user=NOBODY, workspace=NOBODY)

    for sent in ({"Min-Position": position}, {}):
        answer = service.send("GET", missing, by=tenant.admin, headers=sent)
        problem(answer, 404, f"{'user' if query == 'user' else 'workspace'}_not_found")
        assert answer.headers["Event-Position"] == position
        assert answer.headers["Cache-Status"].startswith(("L1; ", "L2; "))
        assert answer.headers["Server-Timing"].startswith(("answer;", "wait;"))
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers


@pytest.mark.parametrize("query", [query for query in QUERIES if query != "profile"])
def test_a_super_admin_sees_everything(service: Service, paths: dict[str, str], query: str) -> None:
    assert service.get(paths[query], by=ROOT).status_code == 200


def test_a_token_of_nobody_has_no_profile(service: Service, tenant: Tenant) -> None:
    for actor in (tenant.admin, tenant.actor("robot"), ROOT):
        problem(service.get("/users/profile", by=actor), 404, "user_not_found")


@pytest.mark.parametrize("query", LISTS)
def test_pages_follow_each_other(service: Service, tenant: Tenant, query: str) -> None:
    users = [tenant.user() for _ in range(5)]
    workspaces = [tenant.workspace(users[0], {user.id: "viewer" for user in users[1:]}) for _ in range(5)]
    path = QUERIES[query][0].format(tenant=tenant.id, workspace=workspaces[0])
    everything = service.get(path, by=users[0]).json[query]

    seen, url = [], f"{path}?limit=2"
    while url:
        response = service.send("GET", url, by=users[0])
        seen.append(response.json[query])
        assert response.json["pagination"]["total"] == 5
        link = response.headers.get("Link")
        assert (link is None) == (response.json["pagination"]["next_cursor"] is None)
        url = link and link.removeprefix("</api/v1").removesuffix('>; rel="next"')

    assert [len(page) for page in seen] == [2, 2, 1]
    assert [item for page in seen for item in page] == everything
    assert service.send("GET", f"{path}?limit=2&offset=2", by=users[0]).json[query] == seen[1]


def test_the_next_page_asks_the_same_question(service: Service, tenant: Tenant) -> None:
    users = [tenant.user(status) for status in ("active", "pending", "active", "deactivated", "active")]

    first = service.get(f"/users/tenant/{tenant.id}?active_only=true&limit=1", by=users[0])
    link = first.headers["Link"].removeprefix("</api/v1").removesuffix('>; rel="next"')
    second = service.send("GET", link, by=users[0])

    assert "active_only=true" in link
    assert [page.json["users"][0]["id"] for page in (first, second)] == [users[4].id, users[2].id]
    assert second.json["pagination"]["total"] == 3


def test_a_last_page_that_shows_next_cursor_elsewhere_has_no_link(
    service: Service, tenant: Tenant, paths: dict[str, str]
) -> None:
    response = service.get(paths["workspaces"], by=tenant.admin)

    assert response.json["workspaces"][0]["settings"] == {"next_cursor": "x"}
    assert "Link" not in response.headers


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1_0", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=", "limit"),
        ("offset=10001", "offset"),
        ("offset=1.5", "offset"),
        ("cursor=", "cursor"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%00%ff", "cursor"),
        ("cursor=" + "A" * 600, "cursor"),
        ("page=2", "page"),
        ("limit=1&limit=zzz", "limit"),
        ("limit=1&limit=1", "limit"),
        ("cursor=&cursor=", "cursor"),
        ("=1", ""),
    ],
)
@pytest.mark.parametrize("query", LISTS)
def test_odd_arguments_are_refused(
    service: Service, tenant: Tenant, paths: dict[str, str], query: str, arguments: str, field: str
) -> None:
    response = service.send("GET", f"{paths[query]}?{arguments}", by=tenant.admin)

    assert response.status_code == 422
    assert list(response.json["errors"]) == [field]


@pytest.mark.parametrize("value", ["1", "yes", "True", "", "null"])
def test_active_only_is_true_or_false(service: Service, tenant: Tenant, value: str) -> None:
    response = service.send("GET", f"/users/tenant/{tenant.id}?active_only={value}", by=tenant.admin)

    problem(response, 422, "validation_failed")


@pytest.mark.parametrize("query", [query for query in QUERIES if query not in LISTS])
def test_other_queries_take_no_arguments(service: Service, tenant: Tenant, paths: dict[str, str], query: str) -> None:
    response = service.send("GET", f"{paths[query]}?limit=5", by=tenant.admin)

    assert list(problem(response, 422, "validation_failed")["errors"]) == ["limit"]


def test_head_answers_as_get_without_a_body(service: Service, tenant: Tenant, paths: dict[str, str]) -> None:
    shown = service.get(paths["summary"], by=tenant.admin)

    head = service.send("HEAD", paths["summary"], by=tenant.admin)

    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["ETag"] == shown.headers["ETag"]
    assert head.headers["Content-Length"] == str(len(shown.data))


@pytest.mark.parametrize("query", QUERIES)
def test_own_writes_are_read(service: Service, tenant: Tenant, paths: dict[str, str], query: str) -> None:
    """A query with the position of the last command waits until the read models have it."""
    ada = tenant.actor(paths["ada"])
    position = service.done("PATCH", f"/users/{ada.id}", {"first_name": "Augusta"}, by=ada)["position"]
    folding = threading.Timer(0.2, service.fold)
    folding.start()

    response = service.send("GET", paths[query], by=ada, headers={"Min-Position": position})

    folding.join()
    assert response.status_code == 200
    assert response.headers["Event-Position"] == position
    if query in ("profile", "user", "members"):
        assert b"Augusta" in response.data


@pytest.mark.parametrize(("prefer", "seconds"), [("wait=0", 0), ("respond-async, Wait=1", 1), ('wait="1"; x=y', 1)])
def test_who_waits_in_vain_is_told_to_come_again(
    service: Service, tenant: Tenant, paths: dict[str, str], prefer: str, seconds: int
) -> None:
    service.fold()
    position = service.done("PATCH", f"/tenants/{tenant.id}", {"name": "x"})["position"]
    headers = {"Min-Position": position, "Prefer": prefer}

    with Stopwatch() as watch:
        response = service.send("GET", paths["summary"], by=tenant.admin, headers=headers)

    assert watch.elapsed >= seconds
    assert watch.seconds < seconds + 0.9
    problem(response, 503, "not_caught_up")
    assert response.headers["Retry-After"] == "1"


def test_without_a_preference_it_waits_two_seconds(service: Service, tenant: Tenant) -> None:
    position = service.done("PATCH", f"/tenants/{tenant.id}", {"name": "x"})["position"]

    with Stopwatch() as watch:
        response = service.send("GET", f"/users/{NOBODY}", by=tenant.admin, headers={"Min-Position": position})

    assert watch.elapsed >= 2
    assert watch.seconds < 3
    problem(response, 503, "not_caught_up")


@pytest.mark.parametrize(
    "position", ["", "17", "17-", "-1", "256-1", "17-4211-1", "17-x", "17-9999999999999999999", "١-١"]
)
def test_a_position_is_well_formed(service: Service, tenant: Tenant, position: str) -> None:
    headers: dict[str, Any] = {"Min-Position": position.encode().decode("latin-1")}

    problem(service.send("GET", f"/users/{NOBODY}", by=tenant.admin, headers=headers), 400, "invalid_position")
