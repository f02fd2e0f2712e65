"""The third level: a real Varnish in front of the whole service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from domain.model.position import shard_of
from domain.settings import Settings
from tests.databases import Databases
from tests.e2e.fleet import Fleet, bearer, wait_for
from tests.e2e.varnish import port, varnish, varnishd
from web.tokens import make_token

API = "/api/v1"


class Edge:
    """The service behind Varnish: commands go to the service, queries to Varnish."""

    def __init__(self, url: str, fleet: Fleet) -> None:
        self.url = url
        self.direct = fleet.urls[0]
        self._settings = Settings.from_environment(
            {name: fleet.environment[name] for name in ("DATABASE_URL", "REDIS_URL", "JWT_SECRET")}
        )
        self.root = self.token("super_admin", None, "root")
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def token(self, role: str, tenant: str | None, user: str) -> str:
        return make_token(self._settings, user_id=user, tenant_id=tenant, roles={role}, seconds=3600)

    def get(self, path: str, token: str | None, **headers: str) -> requests.Response:
        if token is not None:
            headers |= bearer(token)
        return self._session.get(f"{self.url}{API}{path}", headers=headers, timeout=10)

    def ask_service(self, path: str, token: str, **headers: str) -> requests.Response:
        """Ask the service itself, past Varnish."""
        return self._session.get(f"{self.direct}{API}{path}", headers=headers | bearer(token), timeout=10)

    def purge(self, tags: str) -> None:
        response = self._session.request("PURGE", self.url, headers={"Surrogate-Key": tags}, timeout=10)
        assert response.status_code == 200, response.text

    def done(self, method: str, path: str, body: Any = None, token: str | None = None) -> dict[str, Any]:
        response = self._session.request(
            method, f"{self.direct}{API}{path}", json=body, headers=bearer(token or self.root), timeout=10
        )
        assert response.status_code in (200, 201), response.text
        answer: dict[str, Any] = response.json()
        return answer


@pytest.fixture(scope="module")
def edge(databases: Databases, _redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    varnishd()
    directory, front = tmp_path_factory.mktemp("edge"), port()
    with (
        databases.migrated() as database_url,
        Fleet(
            database_url, _redis_url, directory, EDGE_CACHE="on", EDGE_PURGE_URL=f"http://127.0.0.1:{front}/"
        ).start_all() as fleet,
        varnish(directory, front, fleet.urls[0]) as url,
    ):
        edge = Edge(url, fleet)
        yield edge
        edge.close()


class Tenant:
    """A tenant with a user, a workspace and a token for each role."""

    def __init__(self, edge: Edge) -> None:
        slug = f"edge-{uuid4().hex[:12]}"
        self.id = edge.done("POST", "/tenants", {"name": slug, "slug": slug, "plan": "starter"})["id"]
        body = {"email": f"{slug}@example.com", "first_name": "Ada", "last_name": "L", "tenant_id": self.id}
        self.user = edge.done("POST", "/users", body)["id"]
        edge.done("POST", f"/users/{self.user}/activate")
        self.tokens = {role: edge.token(role, self.id, self.user) for role in ("user", "admin", "super_admin")}
        created = edge.done("POST", "/workspaces", {"name": slug}, self.tokens["user"])
        self.workspace, self.position = created["id"], created["position"]
        self.paths = [
            "/users/profile",
            f"/users/{self.user}",
            f"/users/tenant/{self.id}",
            f"/workspaces/{self.workspace}",
            f"/workspaces/tenant/{self.id}",
            f"/workspaces/{self.workspace}/members",
            f"/tenants/{self.id}/summary",
            f"/tenants/{self.id}/dashboard",
        ]
        assert edge.get(self.paths[0], self.tokens["user"], **{"Min-Position": self.position}).status_code == 200


def is_hit(response: requests.Response) -> bool:
    return response.headers.get("Cache-Status", "").endswith("edge; hit")


def kept(edge: Edge, path: str, token: str) -> requests.Response:
    """Ask until the answer comes from the edge."""

    def ask() -> requests.Response | None:
        response = edge.get(path, token)
        return response if is_hit(response) else None

    found: requests.Response = wait_for(ask, 10, f"{path} at the edge")
    return found


def test_answers_are_kept_for_who_asked_until_an_event_purges_them(edge: Edge) -> None:
    tenant = Tenant(edge)
    token = tenant.tokens["user"]
    for path in tenant.paths:
        hit = kept(edge, path, token)
        assert hit.headers["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "Min-Position"} <= {name.strip() for name in hit.headers["Vary"].split(",")}
        assert not {"Surrogate-Key", "Cache-Tag", "CDN-Cache-Control", "X-Request-ID"} & hit.headers.keys()
        assert edge.get(path, token, **{"If-None-Match": hit.headers["ETag"]}).status_code == 304

    began = time.monotonic()
    name = f"Ada {uuid4().hex[:6]}"
    edge.done("PATCH", f"/users/{tenant.user}", {"first_name": name})

    for path in tenant.paths[:3]:
        wait_for(lambda path=path: name in edge.get(path, token).text, 5, f"{path} to be purged")
    print(f"\npurged after {(time.monotonic() - began) * 1000:.0f} ms")
    # It is kept again.
    assert name in kept(edge, tenant.paths[1], token).text


#: What differs from one request to the next, or is between the service and the edge.
ABOUT_THE_REQUEST = {
    "age", "accept-ranges", "connection", "content-length", "date", "server", "transfer-encoding",
    "cache-status", "server-timing", "traceparent", "x-request-id",
    "cdn-cache-control", "surrogate-key", "cache-tag",
}  # fmt: skip


def essence(response: requests.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = {name.lower(): value for name, value in response.headers.items()}
    # Varnish gives a 304 of its own the type of what it has.
    left_out = ABOUT_THE_REQUEST | ({"content-type"} if response.status_code == 304 else set())
    return response.status_code, response.content, {name: headers[name] for name in headers.keys() - left_out}


def keepable(edge: Edge, path: str, token: str) -> requests.Response:
    """Ask the service itself until the edge may keep the answer, or there is none."""

    def ask() -> tuple[requests.Response] | None:
        response = edge.ask_service(path, token)
        # In a tuple, because a response that is a problem is false.
        return (response,) if response.status_code != 200 or "Surrogate-Key" in response.headers else None

    (found,) = wait_for(ask, 10, f"{path} to be cached")
    assert isinstance(found, requests.Response)
    return found


def test_nobody_gets_anothers_answer(edge: Edge) -> None:
    """Every query, two tenants, every role: the edge gives everybody what the service itself would."""
    tenants = [Tenant(edge), Tenant(edge)]
    principals = {(tenant.id, role): token for tenant in tenants for role, token in tenant.tokens.items()}
    principals["", "super_admin"] = edge.root
    assert len(set(principals.values())) == 7
    for tenant in tenants:
        assert len(tenant.paths) == 8
        for path in tenant.paths:
            truth = {who: keepable(edge, path, token) for who, token in principals.items()}
            keys = {answer.headers.get("Surrogate-Key", "") for answer in truth.values()} - {""}
            for role, token in tenant.tokens.items():
                for key in keys:
                    edge.purge(key)
                assert not is_hit(edge.get(path, token))
                own = kept(edge, path, token)
                assert essence(own) == essence(truth[tenant.id, role]), (path, role)
                tag = {"If-None-Match": own.headers["ETag"]}
                for headers in ({}, tag):
                    assert edge.get(path, None, **headers).status_code == 401
                    assert edge.get(path, "nonsense", **headers).status_code == 401
                for who, others in principals.items():
                    if others == token:
                        continue
                    case = (path, role, who)
                    # The first question of each after the purge: what the edge has is of somebody else.
                    unchanged = edge.get(path, others, **tag)
                    assert not is_hit(unchanged), case
                    whole = edge.get(path, others)
                    assert essence(whole) == essence(truth[who]), case
                    assert essence(unchanged) == essence(edge.ask_service(path, others, **tag)), case
                    if who[0] == tenant.id:
                        assert (whole.status_code, unchanged.status_code) == (200, 304), case
                    elif path == "/users/profile":
                        assert 304 not in (whole.status_code, unchanged.status_code), case
                        assert tenant.user not in whole.text + unchanged.text, case
                    elif who[1] != "super_admin":
                        for response in (whole, unchanged):
                            assert response.status_code == 404, case
                            assert "ETag" not in response.headers, case
                            # That it isn't there is said of the tenant that was looked in.
                            position = response.headers.get("Event-Position", f"{shard_of(who[0])}-")
                            assert position.startswith(f"{shard_of(who[0])}-"), case
                            assert tenant.user not in response.text, case


def test_who_has_seen_something_newer_is_not_given_what_is_kept(edge: Edge) -> None:
    tenant = Tenant(edge)
    token, path = tenant.tokens["user"], tenant.paths[1]
    kept(edge, path, token)

    position = edge.done("PATCH", f"/users/{tenant.user}", {"first_name": "Augusta"})["position"]

    response = edge.get(path, token, **{"Min-Position": position})
    assert (response.json()["first_name"], response.headers["Event-Position"]) == ("Augusta", position)
    assert not is_hit(response)


def test_purging_by_hand_reaches_the_edge(edge: Edge) -> None:
    tenant = Tenant(edge)
    token = tenant.tokens["user"]
    for path in tenant.paths[3:]:
        kept(edge, path, token)

    edge.done("POST", "/admin/cqrs/cache/invalidate", {"tenant_id": tenant.id})

    for path in tenant.paths[3:]:
        wait_for(lambda path=path: not is_hit(edge.get(path, token)), 5, f"{path} to be purged")


def test_strangers_can_not_purge_everything_by_odd_tags(edge: Edge) -> None:
    for tags in ("", ".*", "a|b", "x) || (obj.status != 0", "a\tb"):
        response = requests.request("PURGE", edge.url, headers={"Surrogate-Key": tags}, timeout=5)
        assert response.status_code == 400, tags
