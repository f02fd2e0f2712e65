"""What comes with every answer: headers for browsers, HEAD and OPTIONS, and a line in the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain import logs
from domain.bootstrap import bootstrap
from domain.settings import Settings
from tests.integration.web.service import Service, Tenant
from web.app import create_app

APP = "https://app.example.com"
PREFLIGHT = {"Origin": APP, "Access-Control-Request-Method": "PATCH"}


@pytest.fixture
def shared(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service with the origins of the test's parameter."""
    container = bootstrap(replace(settings, cors_origins=frozenset(request.param)))
    yield Service(create_app(container=container))
    container.close()


@pytest.mark.parametrize("path", ["/health/live", "/nowhere", "/api/v1/tenants/x/summary", "/docs"])
def test_no_answer_may_be_framed_or_sniffed(service: Service, path: str) -> None:
    headers = service.app.test_client().get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Strict-Transport-Security" not in headers
    secure = service.app.test_client().get(path, headers={"X-Forwarded-Proto": "https"}).headers
    assert "max-age" in secure["Strict-Transport-Security"]


def test_head_is_get_without_a_body(service: Service, tenant: Tenant) -> None:
    path = f"/tenants/{tenant.id}/summary"

    whole = service.get(path)
    head = service.send("HEAD", path)

    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Event-Position", "Content-Length", "Content-Type"):
        assert head.headers[name] == whole.headers[name]


def test_without_a_setting_no_origin_is_shared_with(service: Service) -> None:
    response = service.app.test_client().options("/api/v1/users", headers=PREFLIGHT)

    assert not [name for name in dict(response.headers) if name.startswith("Access-Control")]


@pytest.mark.parametrize("shared", [{APP}], indirect=True)
def test_an_origin_of_the_setting_may_send_commands_and_read_answers(shared: Service) -> None:
    client = shared.app.test_client()
    path = "/api/v1/tenants/7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b"

    asked = client.options(path, headers=PREFLIGHT).headers

    assert asked["Access-Control-Allow-Origin"] == APP
    assert "PATCH" in asked["Access-Control-Allow-Methods"]
    assert {"Authorization", "Idempotency-Key", "If-Match"} <= set(asked["Access-Control-Allow-Headers"].split(", "))
    # Also an answer that refuses has to be readable.
    refused = client.patch(path, headers={"Origin": APP})
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == APP
    assert "Event-Position" in refused.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in refused.headers


@pytest.mark.parametrize("shared", [{APP}], indirect=True)
@pytest.mark.parametrize("origin", ["https://evil.example.com", "https://app.example.com.evil.com", "null", ""])
def test_another_origin_gets_nothing(shared: Service, origin: str) -> None:
    response = shared.app.test_client().get("/health/live", headers={"Origin": origin})

    assert "Access-Control-Allow-Origin" not in response.headers
    # A cache between us must not give one origin's answer to another.
    assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize("shared", [{"*"}], indirect=True)
def test_a_star_is_anybody(shared: Service) -> None:
    response = shared.app.test_client().get("/health/live", headers={"Origin": "https://any.example.com"})

    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.fixture
def logging_settings(settings: Settings, logging_as_before: None) -> Settings:
    return replace(settings, log_format="json", log_level="info")


def test_a_request_is_one_line_without_what_is_nobodys_business(
    service: Service, tenant: Tenant, logging_settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    ada = tenant.user(email="ada@example.com")
    capfd.readouterr()
    logs.configure(logging_settings)

    service.get(f"/users/{ada.id}?cursor=hunter2", by=ada, headers={"X-Request-ID": "req-7"})
    service.send("POST", "/users", {"email": "ada@example.com", "first_name": "A", "last_name": "B"}, by=tenant.admin)
    service.app.test_client().get("/health/live")
    service.app.test_client().get("/somewhere/ada@example.com")

    logs.flush()
    out = capfd.readouterr().out
    lines = [line for line in map(json.loads, out.splitlines()) if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/api/v1/users/<id:user_id>", 422),
        ("POST", "/api/v1/users", 409),
        ("GET", "-", 404),
    ]
    assert lines[0]["correlation_id"] == "req-7"
    assert all(line["duration_ms"] > 0 for line in lines)
    for secret in ("ada@", "hunter2", "Bearer", service.token(ada)[-20:]):
        assert secret not in out


def test_an_import_is_logged_when_its_answer_has_ended(
    service: Service, tenant: Tenant, logging_settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure(logging_settings)
    line = b'{"email": "a@example.com", "first_name": "A", "last_name": "B"}'

    with service.send("POST", "/users/import", data=line, content_type="application/x-ndjson", by=tenant.admin) as sent:
        assert sent.status_code == 200

    logs.flush()
    assert [each["status"] for each in map(json.loads, capfd.readouterr().out.splitlines()) if "route" in each] == [200]
