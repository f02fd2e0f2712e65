"""The OpenAPI document against the routes, the schemas, the answers, and the file that is checked in."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask

from domain.variables import Rate
from tests.integration.web.service import WINDOW, Make, Service, Tenant, problem
from web.app import add_endpoints, empty_app
from web.authorization import EVERYBODY, RULES
from web.openapi.document import FILE, METHODS, path_of, written

#: What is there for people, or is the document itself.
UNDOCUMENTED = {
    "api-docs.openapi_json",
    "docs.page",
    "docs.file",
    *(endpoint for endpoint in RULES if endpoint.startswith("operator.")),
}


@pytest.fixture(scope="module")
def bare() -> Flask:
    """The application without settings or servers."""
    app = empty_app()
    app.extensions["document"] = add_endpoints(app).document
    return app


@pytest.fixture
def document(bare: Flask) -> dict[str, Any]:
    found: dict[str, Any] = bare.extensions["document"]
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): item[method] for path, item in document["paths"].items() for method in METHODS & set(item)}


def test_the_file_is_up_to_date(document: dict[str, Any]) -> None:
    assert FILE.read_text(encoding="utf-8") == written(document), "run: make openapi"


def test_every_route_is_described_and_nothing_else(bare: Flask, document: dict[str, Any]) -> None:
    served = {
        (method.lower(), path_of(rule))
        for rule in bare.url_map.iter_rules()
        if rule.endpoint not in UNDOCUMENTED
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert set(operations(document)) == served


def test_the_document_is_one(document: dict[str, Any]) -> None:
    """Every reference leads somewhere, every schema is one, and ids are for one operation each."""
    assert document["openapi"] == "3.1.0"
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        found = document
        for part in reference.split("/"):
            found = found[part]
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({**schema, "components": document["components"]})
    ids = [operation["operationId"] for operation in operations(document).values()]
    assert len(ids) == len(set(ids))


def test_every_operation_is_described_completely(bare: Flask, document: dict[str, Any]) -> None:
    endpoints = {
        (method.lower(), path_of(rule)): rule.endpoint
        for rule in bare.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for (method, path), operation in operations(document).items():
        where = f"{method} {path}"
        is_open = RULES[endpoints[method, path]] is EVERYBODY
        assert operation["summary"], where
        wanted_token = "metrics" if path == "/metrics" else None if is_open else "bearer"
        assert operation["security"] == ([{wanted_token: []}] if wanted_token else []), where
        described = {each["name"] for each in document["paths"][path].get("parameters", []) if each["in"] == "path"}
        assert described == set(re.findall(r"{(\w+)}", path)), where
        success = [answer for status, answer in operation["responses"].items() if status < "300"]
        assert success, where
        for answer in success:
            assert "X-Request-ID" in answer["headers"], where
            for body in answer["content"].values():
                assert "schema" in body, where
                assert "example" in body, where
        wanted = set() if is_open else {"401", "403", "429", "503"}
        assert wanted <= set(operation["responses"]), where
        if "requestBody" in operation:
            assert {"400", "413", "415"} <= set(operation["responses"]), where


def test_examples_are_what_they_are_examples_of(document: dict[str, Any]) -> None:
    bodies = [
        body
        for operation in operations(document).values()
        for place in (operation.get("requestBody", {}), *operation["responses"].values())
        for body in place.get("content", {}).values()
    ]
    for body in bodies:
        schema = {"components": document["components"], **body["schema"]}
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(body["example"])


def test_what_may_be_left_out_of_the_headers_is_filled_in_nowhere(document: dict[str, Any]) -> None:
    optional = [
        each
        for each in document["components"]["parameters"].values()
        if each["in"] == "header" and not each["required"]
    ]

    assert {"If-Match", "Min-Position", "Idempotency-Key"} <= {each["name"] for each in optional}
    for header in optional:
        assert not {"example", "examples", "default"} & {*header, *header["schema"]}, header["name"]
        assert "For example `" in header["description"]


def test_if_match_is_offered_where_there_is_a_version(
    service: Service, tenant: Tenant, document: dict[str, Any]
) -> None:
    ada, grace = tenant.user(), tenant.user()
    workspace = tenant.workspace(ada)
    sent: dict[str, Any] = {"by": ada, "headers": {"If-Match": '"1"'}}

    def offered(path: str) -> bool:
        parameters = operations(document)["post", f"/api/v1{path}"]["parameters"]
        return {"$ref": "#/components/parameters/IfMatch"} in parameters

    service.done("POST", f"/workspaces/{workspace}/members", {"user_id": grace.id, "role": "admin"}, **sent)
    assert offered("/workspaces/{workspace_id}/members")
    problem(service.send("POST", "/workspaces", {"name": "Roadmap"}, **sent), 412, "version_mismatch")
    assert not offered("/workspaces")
    assert not offered("/users")
    assert not offered("/tenants")


def test_an_answer_fits_its_schema_and_headers(service: Service, tenant: Tenant, document: dict[str, Any]) -> None:
    workspace = tenant.workspace(tenant.user())

    for path, concrete in {
        "/api/v1/workspaces/{workspace_id}": f"/workspaces/{workspace}",
        "/api/v1/workspaces/tenant/{tenant_id}": f"/workspaces/tenant/{tenant.id}?limit=1",
        "/api/v1/tenants/{tenant_id}/dashboard": f"/tenants/{tenant.id}/dashboard",
        "/api/v1/users/tenant/{tenant_id}": f"/users/tenant/{tenant.id}",
        "/api/v1/admin/cqrs/projections/status": "/admin/cqrs/projections/status",
    }.items():
        response = service.get(concrete)
        described = operations(document)["get", path]["responses"]["200"]
        schema = {"components": document["components"], **described["content"]["application/json"]["schema"]}
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(response.json)
        ours = set(response.headers.keys()) - {"Content-Type", "Content-Length"}
        common = {"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "X-Frame-Options", "Vary"}
        assert ours - common <= set(described["headers"]), path


def test_refusals_that_follow_from_no_rule_of_all_are_described(make: Make, document: dict[str, Any]) -> None:
    service = make(rate_limit_per_address=Rate(3, WINDOW))
    tenant, other = service.tenant(), service.tenant()

    elsewhere = service.send("GET", f"/admin/cqrs/audit?tenant={other.id}", by=tenant.admin)
    scraped = service.app.test_client().get("/metrics")

    assert (elsewhere.status_code, scraped.status_code) == (404, 429)
    for path, response in (("/api/v1/admin/cqrs/audit", elsewhere), ("/metrics", scraped)):
        described = operations(document)["get", path]["responses"]
        reference = described[str(response.status_code)]["$ref"].rpartition("/")[2]
        answer = document["components"]["responses"][reference]
        assert response.json["code"] in answer["description"]
        assert response.content_type in answer["content"]


def test_the_example_of_a_cache_status_is_one(service: Service, tenant: Tenant, document: dict[str, Any]) -> None:
    form = re.compile(r"(L[12]); hit; ttl=\d+")

    service.get(f"/tenants/{tenant.id}/summary")
    given = service.get(f"/tenants/{tenant.id}/summary").headers["Cache-Status"]

    assert form.match(given)
    assert form.fullmatch(document["components"]["headers"]["CacheStatus"]["example"])


def test_the_document_and_its_page_are_open_and_ask_nobody_else(service: Service) -> None:
    client = service.app.test_client()

    assert client.get("/api/v1/openapi.json").data.decode() == FILE.read_text(encoding="utf-8")
    page = client.get("/docs")
    assert page.content_type == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "http" not in policy
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(sources) == 4
    for source in sources:
        file = client.get(f"/{source}")
        assert file.status_code == 200, source
        assert file.headers["X-Content-Type-Options"] == "nosniff"
    # A style sheet could still ask for fonts and images.
    assert not re.search(rb"url\((?![\"']?data:)", client.get("/docs/swagger-ui.css").data)
    assert client.get("/docs/../app.py").status_code == 404
    assert client.get("/docs/%2e%2e%2fapp.py").status_code == 404
