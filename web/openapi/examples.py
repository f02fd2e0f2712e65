"""Examples for the OpenAPI document: one value for each name of a field, and bodies made of them."""

from __future__ import annotations

from typing import Any

from domain.model.plans import PLANS

Schema = dict[str, Any]

_ID = "7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b"
_OTHER_ID = "11111111-2222-4333-8444-555555555555"

#: By the name of the field, wherever it stands; of a list also one item. A field that is not here gets an example of
#: its type.
BY_NAME: dict[str, Any] = {
    "active_users": 41,
    "avatar": "https://example.com/ada.png",
    "code": "validation_failed",
    "correlation_id": "checkout-4711",
    "deactivation_reason": None,
    "description": "What we build next",
    "detail": "name: it must not be empty",
    "display_name": "Ada Lovelace",
    "email": "ada@example.com",
    "error_class": "KeyError",
    "first_name": "Ada",
    "is_active": True,
    "language": "en",
    "last_name": "Lovelace",
    "limit": 50,
    "name": "Roadmap",
    "next_cursor": "eyJwIjo0MjExfQ",
    "offset": 0,
    "owner_id": _OTHER_ID,
    "plan": "starter",
    "position": "17-4211",
    "projection": "users",
    "projections": "users",
    "reason": "left the company",
    "roles": ["user"],
    "settings": {"color": "green"},
    "slug": "acme",
    "status": "active",
    "tenant_id": _OTHER_ID,
    "timezone": "Europe/London",
    "title": "Unprocessable Entity",
    "total_users": 42,
    "users": PLANS["starter"].users,
    "workspaces": PLANS["starter"].workspaces,
}

_BY_FORMAT = {
    "uuid": _ID,
    "date-time": "2026-05-04T09:30:00.123456+00:00",
    "email": "ada@example.com",
    "uri": "https://example.com/",
}
_BY_TYPE: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "string": "text", "object": {}, "null": None}


def example(schema: Schema, schemas: dict[str, Schema], name: str = "") -> Any:
    """Return a value that fits *schema*: that of a field called *name*, made of the examples of its own fields."""
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, name)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    known = schema.get("example", BY_NAME.get(name))
    if known is not None and _fits(known, schema, kinds):
        return known
    if "properties" in schema:
        if "examples" in schema:
            return schema["examples"][0]
        return {field: example(below, schemas, field) for field, below in schema["properties"].items()}
    if "array" in kinds:
        return [example(schema.get("items", {}), schemas, name)]
    if "enum" in schema:
        return schema["enum"][0]
    for nested in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        return example(nested, schemas, name)
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    if name in BY_NAME and BY_NAME[name] is None and "null" in kinds:
        return None
    return max(_BY_TYPE[kinds[0]], schema.get("minimum", 1)) if kinds[:1] == ["integer"] else _of_type(kinds)


def _of_type(kinds: list[str]) -> Any:
    return _BY_TYPE[kinds[0]] if kinds else "text"


def _fits(value: Any, schema: Schema, kinds: list[str]) -> bool:
    python = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
    return python[type(value)] in kinds and value in schema.get("enum", [value])
