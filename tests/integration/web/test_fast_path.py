"""The same request again is answered past Flask, as Flask would answer it, and never when Flask would not."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from domain.bootstrap import bootstrap
from domain.model.actor import Actor
from domain.settings import Settings
from tests.integration.web.cached import PATHS, Asked, wait_for_l1
from tests.integration.web.counted import Counted, make
from tests.integration.web.service import ROOT, Tenant, problem
from tests.key_server import PRIVATE, header, serving
from tests.stopwatch import Stopwatch
from web import jwks
from web.app import create_app
from web.tokens import make_token

#: Headers that are another's each time.
OWN = {"X-Request-ID", "Server-Timing", "Cache-Status"}


@pytest.fixture
def service(app: Flask) -> Counted:
    return Counted(app)


@pytest.fixture
def ada(service: Counted, tenant: Tenant) -> Actor:
    ada = tenant.user()
    service.fold()
    return ada


def test_each_query_is_answered_as_flask_does(service: Counted, tenant: Tenant, ada: Actor) -> None:
    workspace = tenant.workspace(ada)
    tenant.user()
    service.fold()
    paths = [Asked(name, tenant.id, ada.id, workspace).path for name in PATHS]
    paths.append(f"/users/tenant/{tenant.id}?limit=1")
    for path in paths:
        wait_for_l1(service, path, ada)
        # HEAD and a preference change nothing in the headers that count, and always come to Flask.
        whole, passed = service.passed(path, service.token(ada), Prefer="return=minimal")
        assert not passed
        again = service.remember(path, service.token(ada))

        assert (again.status, again.data) == (whole.status, whole.data)
        ours, flasks = ({n: v for n, v in each.headers.items() if n not in OWN} for each in (again, whole))
        assert ours == flasks
        assert again.headers["Cache-Status"].startswith("L1; hit; ttl=")
        assert again.headers["Server-Timing"].startswith('answer;desc="L1";dur=')
        assert again.headers["X-Request-ID"] != whole.headers["X-Request-ID"]
        assert ("Link" in again.headers) == ("limit=1" in path)


def test_what_a_client_has_already_is_304_with_the_headers_of_flask(service: Counted, ada: Actor) -> None:
    token = service.token(ada)
    tag = service.remember("/users/profile", token).headers["ETag"]

    again, passed = service.passed("/users/profile", token, **{"If-None-Match": tag})
    # A list of tags says the same, and comes to Flask.
    whole, by_flask = service.passed("/users/profile", token, **{"If-None-Match": f'"x", {tag}'})

    assert (passed, by_flask) == (True, False)
    assert (again.status_code, again.data) == (whole.status_code, whole.data) == (304, b"")
    ours, flasks = ({n: v for n, v in each.headers.items() if n not in OWN} for each in (again, whole))
    assert ours == flasks
    other, _ = service.passed("/users/profile", token, **{"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_a_changed_answer_is_not_given_again(service: Counted, tenant: Tenant, ada: Actor) -> None:
    token = service.token(ada)
    for number in range(20):
        service.remember("/users/profile", token)
        service.done("PATCH", f"/users/{ada.id}", {"first_name": f"Ada {number}"}, by=ada)
        service.fold()
        # The process that folded has heard of it already; others hear of it by the stream.
        response, passed = service.passed("/users/profile", token)
        assert response.json["first_name"] == f"Ada {number}"
        assert not passed


def test_no_other_token_path_or_query_gets_it(service: Counted, tenant: Tenant, ada: Actor) -> None:
    bob = tenant.user()
    stranger = service.tenant().user()
    service.fold()
    service.remember(f"/users/{ada.id}", service.token(ada))
    service.remember("/users/profile", service.token(ada))

    response, passed = service.passed(f"/users/{ada.id}", service.token(stranger))
    assert not passed
    problem(response, 404, "user_not_found")
    assert service.passed("/users/profile", service.token(bob))[0].json["id"] == bob.id
    problem(service.passed("/users/profile", f"{service.token(ada)}x")[0], 401, "unauthenticated")
    problem(service.passed("/users/profile?x=1", service.token(ada))[0], 422, "validation_failed")
    problem(service.send("GET", "/users/profile", by=None), 401, "unauthenticated")


@pytest.mark.parametrize(
    "more",
    [
        {"Min-Position": "1-1"},
        {"Prefer": "wait=1"},
        {"If-None-Match": "*"},
        {"data": b"{}"},
        {"Transfer-Encoding": "chunked"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_request_that_says_more_comes_to_flask(service: Counted, ada: Actor, more: Any) -> None:
    token = service.token(ada)
    service.remember("/users/profile", token)

    assert not service.passed("/users/profile", token, **more)[1]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST"])
def test_other_methods_come_to_flask(service: Counted, ada: Actor, method: str) -> None:
    token = service.token(ada)
    service.remember("/users/profile", token)
    before = service.reached

    service.send(method, "/users/profile", by=None, headers={"Authorization": f"Bearer {token}"})

    assert service.reached == before + 1


def test_it_ends_with_the_token(settings: Settings, service: Counted, tenant: Tenant, ada: Actor) -> None:
    token = make_token(settings, user_id=ada.id, tenant_id=tenant.id, roles=["user"], seconds=4)
    service.remember("/users/profile", token)
    with Stopwatch() as watch:
        while (answer := service.passed("/users/profile", token)[0]).status_code == 200:
            assert watch.seconds < 5
            time.sleep(0.02)

    problem(answer, 401, "unauthenticated")


def test_it_ends_with_the_key_that_the_token_was_signed_with(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "PAUSE", 0.2)
    with serving() as server:
        server.publish({"RS256": PRIVATE["RS256"]})
        service = Counted(create_app(container=bootstrap(replace(settings, jwt_secret=None, jwt_jwks_url=server.url))))
        root = header("RS256", PRIVATE["RS256"], role="super_admin")
        body = {"name": "Acme", "slug": "acme", "plan": "free"}
        tenant = service.send("POST", "/tenants", body, by=None, headers={"Authorization": root}).json["id"]
        service.fold()
        token = root.removeprefix("Bearer ")
        path = f"/tenants/{tenant}/summary"
        service.remember(path, token)

        server.publish({"ES256": PRIVATE["ES256"]})
        # A token with a key that isn't known has the keys fetched; the old key is gone from then on.
        other = header("ES256", PRIVATE["ES256"], role="super_admin").removeprefix("Bearer ")
        deadline = time.monotonic() + 15
        while service.passed(path, other)[0].status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)

        problem(service.passed(path, token)[0], 401, "unauthenticated")
        service.container.close()


def test_without_news_of_invalidations_nothing_is_given_again(service: Counted, ada: Actor) -> None:
    token = service.token(ada)
    service.remember("/users/profile", token)

    reader = service.container.caching.cache.reader
    reader.stop()
    reader.trusted_until = time.monotonic()

    assert not service.passed("/users/profile", token)[1]


def test_while_the_cache_may_not_be_read_nothing_is_given_again(service: Counted, ada: Actor) -> None:
    token = service.token(ada)
    service.remember("/users/profile", token)

    service.container.caching.cache.health.readable = False

    assert not service.passed("/users/profile", token)[1]


def test_it_is_counted_and_logged_as_any_answer(service: Counted, ada: Actor, caplog: pytest.LogCaptureFixture) -> None:
    token = service.token(ada)
    service.remember("/users/profile", token)
    counters = service.container.caching.cache.counters
    before = counters.totals()["l1", "user", "hit"]
    caplog.clear()

    with caplog.at_level("INFO", "web.access_log"):
        response, passed = service.passed("/users/profile", token, **{"X-Request-ID": "req-1"})
        service.settle()

    assert passed
    assert counters.totals()["l1", "user", "hit"] == before + 1
    assert response.headers["X-Request-ID"] == "req-1"
    (line,) = [record.fields for record in caplog.records if record.name == "web.access_log"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/api/v1/users/profile", 200)
    assert line["correlation_id"] == "req-1"
    assert 0 <= line["duration_ms"] < 1000
    hot = service.container.caching.hot
    hot.tell()
    assert any(text.startswith(f"user:{ada.id}") for text in hot.most(5))


@pytest.mark.parametrize("sent", ["00-" + "a" * 32 + "-" + "b" * 16 + "-01", "00-nonsense"])
def test_a_trace_goes_on_if_it_is_one(service: Counted, ada: Actor, sent: str) -> None:
    token = service.token(ada)
    service.remember("/users/profile", token)

    response, passed = service.passed("/users/profile", token, traceparent=sent, **{"X-Request-ID": "a@b.example"})

    assert passed
    assert response.headers.get("traceparent") == (None if "nonsense" in sent else sent)
    assert len(response.headers["X-Request-ID"]) == 36


def test_a_page_of_another_origin_gets_its_own_headers(settings: Settings) -> None:
    service, _, ada = make(settings, cors_origins=frozenset({"https://app.example.com"}))
    token = service.token(ada)
    service.remember("/users/profile", token)

    def allowed(origin: str) -> list[str | None]:
        answers = [service.passed("/users/profile", token, Origin=origin)[0] for _ in range(3)]
        return [answer.headers.get("Access-Control-Allow-Origin") for answer in answers]

    assert allowed("https://app.example.com") == ["https://app.example.com"] * 3
    assert allowed("https://evil.example.com") == [None] * 3
    service.container.close()


def test_over_tls_it_says_so(service: Counted, ada: Actor) -> None:
    token = service.token(ada)
    service.remember("/users/profile", token)
    answers = [service.passed("/users/profile", token, **{"X-Forwarded-Proto": "https"}) for _ in range(3)]

    assert all("Strict-Transport-Security" in answer.headers for answer, _ in answers)
    assert answers[-1][1]
    assert "Strict-Transport-Security" not in service.passed("/users/profile", token)[0].headers


def test_what_the_edge_may_keep_does_not_outlive_the_token(settings: Settings) -> None:
    service, tenant, ada = make(settings, edge_cache=True, edge_max_age=30)
    assert service.remember("/users/profile", service.token(ada)).headers["CDN-Cache-Control"] == "max-age=30"
    ending = make_token(settings, user_id=ada.id, tenant_id=tenant.id, roles=["user"], seconds=20)
    wait_for_l1(service, "/users/profile", ada)
    for _ in range(3):
        answer, passed = service.passed("/users/profile", ending)
        assert not passed
        assert int(answer.headers["CDN-Cache-Control"].removeprefix("max-age=")) <= 20
    service.container.close()


def test_who_runs_the_service_gets_it_too(service: Counted, ada: Actor) -> None:
    assert service.remember(f"/users/{ada.id}", service.token(ROOT)).json["id"] == ada.id
