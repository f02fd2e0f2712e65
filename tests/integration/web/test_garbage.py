"""Whatever is sent, no answer is a 500, and each error is a problem document."""

from __future__ import annotations

import gzip
import io
import itertools
import json
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.integration.web.service import ROOT, Service, Tenant, problem

JSON = "application/json"

BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", JSON),
    "broken": (b"{", JSON),
    "no object": (b"[]", JSON),
    "text": (b'"text"', JSON),
    "null": (b"null", JSON),
    "number": (b"5", JSON),
    "not UTF-8": (b"\xff\xfe{", JSON),
    "UTF-16": ("{}".encode("utf-16"), JSON),
    "byte order mark": (b"\xef\xbb\xbf{}", JSON),
    "NUL": (b"\0", JSON),
    "NUL in a name": (b'{"na\\u0000me": 1}', JSON),
    "lone surrogate": (b'{"name": "\\ud800"}', JSON),
    "lone surrogate as a name": (b'{"\\udfff": 1}', JSON),
    "NaN": (b'{"name": NaN}', JSON),
    "Infinity": (b'{"settings": {"a": -Infinity}}', JSON),
    "huge float": (b'{"settings": {"a": 1e999}}', JSON),
    "huge number": (b'{"settings": {"a": ' + b"9" * 4000 + b"}}", JSON),
    "more digits than Python takes": (b'{"settings": {"a": ' + b"9" * 5000 + b"}}", JSON),
    "twice": (b'{"name": "a", "name": "b"}', JSON),
    "deep": (b'{"settings":' + b'{"a":' * 900 + b"1" + b"}" * 901, JSON),
    "bottomless": (b"[" * 200_000, JSON),
    "wrong types": (b'{"name": [], "email": {}, "reason": false, "role": 5, "plan": {}, "settings": 1}', JSON),
    "unknown": (b'{"constructor": {"prototype": 1}, "__class__": 1}', JSON),
    "another charset": ("{}".encode("utf-16-le"), "application/json; charset=utf-16"),
    "form": (b"name=x", "application/x-www-form-urlencoded"),
    "multipart": (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
    "no type": (b"{}", ""),
    "odd type": (b"{}", "text/\xe4; x="),
    "too long": (b'{"name": "' + b"x" * 2**20 + b'"}', JSON),
}

SEGMENTS = [
    "00000000-0000-4000-8000-000000000000",
    "x",
    "%00",
    "%ff%fe",
    "%zz",
    "%",
    "%2e%2e%2f%2e%2e",
    "%F0%9F%98%80",
    "{x}",
    "' OR 1=1 --",
    "x" * 5000,
    "00000000-0000-4000-8000-00000000000g",
    "0" * 32,
]

HEADERS: list[dict[str, str]] = [
    {"If-Match": "\xff"},
    {"If-Match": '"' + "9" * 5000 + '"'},
    {"If-None-Match": '"\xff", W/, *, "'},
    {"Idempotency-Key": "\xff\xfe"},
    {"Min-Position": "9" * 5000 + "-1"},
    {"Min-Position": "1-99999999999999999999", "Prefer": "wait=99999999999999999999"},
    {"Prefer": "wait=, ;;=" + "," * 5000},
    {"X-Request-ID": "\x7f\xff" * 500},
    {"traceparent": "00-" + "\xff" * 32},
    {"Content-Encoding": "gzip"},
    {"Content-Length": "-5"},
    {"Content-Length": "x"},
    {"Accept": "\xff/\xff;q=x"},
    {"Cookie": "\xff=\xfe; =; a" * 100},
    {"Host": "\xff[::"},
    {"Range": "bytes=-1-"},
    {"X-HTTP-Method-Override": "DELETE"},
]


def routes(app: Flask) -> list[tuple[str, str]]:
    """Method and path, with braces for its parameters, of all endpoints but the pages for people."""
    return [
        (method, "".join("{}" if dynamic else part for dynamic, part in rule._trace if part != "|"))
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith(("docs.", "operator."))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def fill(path: str, *values: str) -> str:
    cycle = itertools.cycle(values)
    return path.replace("{}", "%s") % tuple(next(cycle) for _ in range(path.count("{}")))


def assert_well_refused(response: TestResponse, *allowed: int) -> None:
    assert response.status_code < 500, f"{response.request.method} {response.request.path}: {response.text}"
    if response.status_code >= 400:
        assert response.content_type == "application/problem+json", response.request.path
        document: dict[str, Any] = json.loads(response.data)
        assert document["status"] == response.status_code
    if allowed:
        assert response.status_code in allowed


@pytest.fixture
def auth(service: Service) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.token(ROOT)}"}


@pytest.mark.parametrize("kind", BODIES)
def test_odd_bodies(service: Service, tenant: Tenant, auth: dict[str, str], kind: str) -> None:
    body, content_type = BODIES[kind]
    names = (tenant.workspace(tenant.user()), tenant.user("pending").id)
    client = service.app.test_client()

    for method, path in routes(service.app):
        if method != "GET" and "import" not in path:
            for values in (names, names[::-1], (tenant.id, "admin")):
                response = client.open(
                    fill(path, *values), method=method, data=body, content_type=content_type, headers=auth
                )
                assert_well_refused(response)


@pytest.mark.parametrize(("spaces", "status"), [(2**20 - len(b"{}"), 422), (2**20 - len(b"{}") + 1, 413), (2**21, 413)])
def test_a_body_that_does_not_say_its_length_has_the_same_limit(
    service: Service, tenant: Tenant, spaces: int, status: int
) -> None:
    stream = io.BytesIO(b"{}" + b" " * spaces)
    environ = {"wsgi.input": stream, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}

    response = service.send("POST", "/users", content_type=JSON, by=tenant.admin, environ_overrides=environ)

    assert response.status_code == status, response.text


def test_a_body_over_1_mib_is_413(service: Service, tenant: Tenant) -> None:
    response = service.send("POST", "/users", data=BODIES["too long"][0], content_type=JSON, by=tenant.admin)

    problem(response, 413, "request_entity_too_large")


def test_a_compressed_body_is_415(service: Service, tenant: Tenant) -> None:
    data = gzip.compress(b"{}")
    headers = {"Content-Encoding": "gzip"}

    response = service.send("POST", "/users", data=data, content_type=JSON, headers=headers, by=tenant.admin)

    problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["form", "multipart", "no type"])
def test_another_media_type_is_415(service: Service, tenant: Tenant, kind: str) -> None:
    data, content_type = BODIES[kind]

    response = service.send("POST", "/users", data=data, content_type=content_type, by=tenant.admin)

    problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["nothing", "broken", "not UTF-8", "lone surrogate", "NaN", "twice", "bottomless"])
def test_what_is_not_json_is_400(service: Service, tenant: Tenant, kind: str) -> None:
    data, content_type = BODIES[kind]

    problem(service.send("POST", "/users", data=data, content_type=content_type, by=tenant.admin), 400, "malformed")


@pytest.mark.parametrize("segment", SEGMENTS)
def test_odd_paths(service: Service, auth: dict[str, str], segment: str) -> None:
    client = service.app.test_client()

    for method, path in routes(service.app):
        if "{}" in path:
            body = b"{}" if method != "GET" else None
            assert_well_refused(
                client.open(fill(path, segment), method=method, data=body, content_type=JSON, headers=auth),
                400,
                404,
                422,
            )


@pytest.mark.parametrize("headers", HEADERS, ids=lambda headers: next(iter(headers)))
def test_odd_headers(service: Service, tenant: Tenant, auth: dict[str, str], headers: dict[str, str]) -> None:
    client = service.app.test_client()

    for method, path in routes(service.app):
        if "health" not in path:
            response = client.open(
                fill(path, tenant.id, "x"),
                method=method,
                data=b"{}" if method != "GET" else None,
                headers=auth | headers,
            )
            assert_well_refused(response)


@pytest.mark.parametrize(
    "query",
    ["%00", "%ff=%fe", "limit=%00", "a[b]=c", "=", "&&&", "limit=1&limit=2", "cursor=%F0%9F%98%80", "q=" + "x" * 9000],
)
def test_odd_query_strings(service: Service, tenant: Tenant, auth: dict[str, str], query: str) -> None:
    client = service.app.test_client()

    for method, path in routes(service.app):
        if "health" not in path:
            assert_well_refused(client.open(f"{fill(path, tenant.id, 'x')}?{query}", method=method, headers=auth))


@pytest.mark.parametrize("name", ["dry_run", ""])
def test_no_command_takes_a_query_string(service: Service, tenant: Tenant, auth: dict[str, str], name: str) -> None:
    client = service.app.test_client()
    commands = [(method, path) for method, path in routes(service.app) if method != "GET"]
    assert ("POST", "/api/v1/users/import") in commands

    for method, path in commands:
        sent = {"data": b"{}", "content_type": "application/x-ndjson" if "import" in path else JSON}
        response = client.open(f"{fill(path, tenant.id, 'x')}?{name}=1", method=method, headers=auth, **sent)
        assert list(problem(response, 422, "validation_failed")["errors"]) == [name], path


@pytest.mark.parametrize("path", ["/", "/api/v1", "/api/v1/users/", "//api/v1/users", "/api/v1/nothing", "/%00"])
def test_what_is_not_there_is_404(service: Service, auth: dict[str, str], path: str) -> None:
    response = service.app.test_client().get(path, headers=auth)

    assert response.status_code == 404
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/tenants", {"POST", "OPTIONS"}),
        ("PUT", f"/api/v1/users/{SEGMENTS[0]}", {"GET", "HEAD", "OPTIONS", "PATCH"}),
        ("POST", "/api/v1/openapi.json", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/api/v1/users/import", {"POST", "OPTIONS"}),
        ("PATCH", "/api/v1/users/profile", {"GET", "HEAD", "OPTIONS"}),
        ("BREW", "/health/live", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_another_method_is_405(service: Service, method: str, path: str, allowed: set[str]) -> None:
    response = service.app.test_client().open(path, method=method)

    problem(response, 405, "method_not_allowed")
    assert allowed <= set(response.headers["Allow"].split(", "))


def test_options_tells_the_methods(service: Service) -> None:
    response = service.app.test_client().options("/api/v1/users")

    assert (response.status_code, set(response.headers["Allow"].split(", "))) == (200, {"POST", "OPTIONS"})
    assert (response.data, "Content-Type" in response.headers) == (b"", False)
