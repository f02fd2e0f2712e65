"""The OpenAPI document: what flask-smorest writes about the schemas, and what all operations have in common.

What an endpoint says about itself, with ``blueprint.doc`` or ``blueprint.alt_response``, is kept.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from flask import Flask
from marshmallow import class_registry

from web import fields
from web.authorization import EVERYBODY, RULES
from web.openapi import errors, headers
from web.openapi.examples import example

Document = dict[str, Any]

#: The document as it was when it was last looked at.
FILE = Path(__file__).parents[1] / "openapi.json"

METHODS = frozenset({"get", "put", "post", "delete", "patch"})

#: Whose GETs go through web.answers, and whose other methods go through web.commands.
SUBJECTS = frozenset({"tenants", "users", "workspaces"})

DESCRIPTION = """\
The directory of tenants, users and workspaces.

**Commands** (POST, PUT, PATCH, DELETE) answer with the id, the new version and the `Event-Position` of what they did.
Sent with an `Idempotency-Key` they may be repeated; with `If-Match` they do nothing if somebody else was first. Those
that create refuse it with 412: what doesn't exist yet has no version.

**Queries** (GET) show what the events up to their `Event-Position` come to. Sent with the `Min-Position` of a command
they show at least that. `If-None-Match` saves the body of an answer that is still the same. HEAD asks for the headers
alone, and OPTIONS for the methods of a path.

**Lists** come in pages: `limit` and `offset`, or `cursor` with the `next_cursor` of the page before, which is also in
the `Link` header.

**Errors** are `application/problem+json` as in RFC 9457. `code` is what a program looks at. Another tenant's things
are answered as things that don't exist.
"""

_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A JWT with `exp`, `sub` (or `user_id`), `tenant_id`, and `role` (or `roles`): user, admin or "
        "super_admin. HS256, or RS256, ES256 and EdDSA where the keys come from a JWKS URL.",
    },
    "metrics": {
        "type": "http",
        "scheme": "bearer",
        "description": "METRICS_TOKEN, where the service has one.",
    },
}


def complete(document: Document, app: Flask) -> Document:
    """Return *document*, which flask-smorest wrote about *app*, with all that it doesn't know."""
    document["info"]["description"] = DESCRIPTION
    document["servers"] = [{"url": "/"}]
    components = document["components"]
    components["responses"] = errors.components()
    components["parameters"] = headers.PARAMETERS
    components["headers"] = headers.RETURNED
    components["schemas"]["JsonValue"] = fields.JSON_VALUE
    components["securitySchemes"] = _SECURITY
    for unused in ("PaginationMetadata",):
        components["schemas"].pop(unused, None)
    rules = {
        (method.lower(), path_of(rule)): rule for rule in app.url_map.iter_rules() for method in rule.methods or ()
    }
    for name, schema in components["schemas"].items():
        if name != "JsonValue":
            _describe(name, schema)
        _exemplify(schema, components["schemas"])
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            _complete(item[method], method, path, rules[method, path].endpoint, components["schemas"])
    return document


def path_of(rule: Any) -> str:
    """Return the path of a Werkzeug rule as OpenAPI writes it: ``/users/{user_id}``."""
    return "".join(f"{{{part}}}" if dynamic else part for dynamic, part in rule._trace if part != "|")


def written(document: Document) -> str:
    """Return *document* as it is checked in, in an order that no change elsewhere shuffles."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _complete(operation: Document, method: str, path: str, endpoint: str, schemas: Document) -> None:
    subject = endpoint.split(".")[0]
    is_open = RULES.get(endpoint) is EVERYBODY
    is_query = subject in SUBJECTS and method == "get"
    is_command = subject in SUBJECTS and method != "get"
    is_import = is_command and "application/x-ndjson" in operation.get("requestBody", {}).get("content", {})
    operation["operationId"] = endpoint.split(".")[-1]
    operation.setdefault("security", [] if is_open else [{"bearer": []}])

    names = ["RequestId", "Traceparent"]
    names += ["MinPosition", "Prefer", "IfNoneMatch"] if is_query else []
    names += ["IdempotencyKey"] if is_command else []
    # What doesn't exist yet has no version: a command that creates refuses every one.
    names += ["IfMatch"] if is_command and "{" in path else []
    operation.setdefault("parameters", []).extend({"$ref": f"#/components/parameters/{name}"} for name in names)

    answers = operation["responses"] = {str(status): answer for status, answer in operation["responses"].items()}
    for status in [*answers]:
        # flask-smorest refers to answers of its own, which are not problem documents.
        if "$ref" in answers[status]:
            del answers[status]
    for status, answer in answers.items():
        if status < "400":
            _succeed(answer, status, operation, is_query=is_query, is_command=is_command)
        for body in answer.get("content", {}).values():
            if "schema" in body and "example" not in body:
                body["example"] = example(body["schema"], schemas)
        answer.setdefault("headers", {}).update(headers.references(*headers.ALWAYS))
    if is_query:
        answers["304"] = {
            "description": "The client's copy, named by If-None-Match, is still the answer.",
            "headers": headers.references(
                *headers.ALWAYS, "ETag", "EventPosition", "CacheControl", "CacheStatus", "ServerTiming"
            ),
        }
    if operation["security"]:
        # Also what everybody may ask and a token of another kind guards.
        for status in (401, 429):
            answers.setdefault(str(status), errors.reference(status))
    refusals = _refusals(operation, path, is_open=is_open, is_query=is_query, is_command=is_command)
    # What is wrong with a line of an import is said in the answer's line about it.
    for status in refusals - {404, 409} if is_import else refusals:
        answers.setdefault(str(status), errors.reference(status))
    for body in operation.get("requestBody", {}).get("content", {}).values():
        if "example" not in body and "examples" not in body:
            body["example"] = example(body["schema"], schemas)


def _succeed(answer: Document, status: str, operation: Document, *, is_query: bool, is_command: bool) -> None:
    names = ["CacheControl"]
    if is_query:
        names += ["ETag", "EventPosition", "PreferenceApplied", "CacheStatus", "ServerTiming"]
        if any(parameter.get("name") == "cursor" for parameter in operation["parameters"]):
            names.append("Link")
    elif is_command and "application/json" in answer.get("content", {}):
        names += ["Version", "EventPosition", "IdempotencyReplayed"]
        if status == "201":
            names.append("Location")
    for name, reference in headers.references(*names).items():
        answer.setdefault("headers", {}).setdefault(name, reference)


def _refusals(operation: Document, path: str, *, is_open: bool, is_query: bool, is_command: bool) -> set[int]:
    """The statuses that refuse *operation*, as far as they follow from what it is."""
    if is_open:
        return set()
    found = {401, 403, 422, 429, 503}
    if "requestBody" in operation:
        found |= {400, 413, 415}
    if "{" in path or any(parameter.get("name") in ("tenant", "projection") for parameter in operation["parameters"]):
        found |= {404}
    if not is_query and not is_command and "requestBody" in operation:
        # A command to those who run the service can come in a state in which it makes no sense.
        found |= {404, 409}
    if is_command:
        found |= {400, 404, 409, 412}
    if is_query:
        found |= {400, 404}
    return found


def _describe(name: str, schema: Document) -> None:
    """Add what a schema's class says in words, and as JSON Schema in ``constraints``."""
    known = class_registry.get_class(name, all=True)
    schema_class = known[0] if isinstance(known, list) else known
    if "__doc__" in vars(schema_class) and schema_class.__doc__:
        schema.setdefault("description", inspect.cleandoc(schema_class.__doc__))
    schema.update(getattr(schema_class, "constraints", {}))


def _exemplify(schema: Document, schemas: Document) -> None:
    for name, field in schema.get("properties", {}).items():
        if "$ref" not in field and "example" not in field and "examples" not in field:
            field["examples"] = [example(field, schemas, name)]
