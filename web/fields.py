"""Fields of the schemas. What is valid is asked of the model, so that the two can't disagree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma

from domain.model import fields, json_object
from domain.model.errors import Invalid
from domain.model.fields import Check
from web.ids import canonical

#: Formats of our own for what the checks ask: a line of text with something to see in it, and text in lines. Neither
#: has control characters. No pattern says it, because not every program's patterns know Unicode's categories.
LINE = "line"
LINES = "lines"
_FORMATS: dict[Check, str] = {
    fields.name: LINE,
    fields.description: LINES,
    fields.reason: LINES,
    fields.timezone: "iana-time-zone",
}

#: Text as PostgreSQL stores it in a JSON document.
_JSON_TEXT = r"^[^\u0000]*$"
_JSON_VALUE = {"$ref": "#/components/schemas/JsonValue"}

#: The limits of json_object, as far as JSON Schema can say them.
JSON_OBJECT = {"additionalProperties": _JSON_VALUE, "propertyNames": {"pattern": _JSON_TEXT}}
JSON_VALUE: dict[str, Any] = {
    "description": "Any JSON value. Numbers are 0, or from 1e-30 up to 2^53 - 1 and the same below 0.",
    "anyOf": [
        {"type": ["null", "boolean"]},
        {"type": "string", "pattern": _JSON_TEXT},
        {"type": "number", "minimum": json_object.JSON_SMALLEST, "maximum": json_object.JSON_INTEGER},
        {"type": "number", "minimum": -json_object.JSON_INTEGER, "maximum": -json_object.JSON_SMALLEST},
        {"const": 0},
        {"type": "array", "items": _JSON_VALUE},
        {"type": "object", **JSON_OBJECT},
    ],
}


def checked(check: Callable[[str, object], Any], field: str | None, value: object) -> Any:
    """Return what the model's *check* makes of *value*, its refusal as marshmallow's."""
    try:
        return check(field or "value", value)
    except Invalid as error:
        raise ma.ValidationError(error.data["reason"]) from None


class Text(ma.fields.String):
    """A string that one of the model's checks judges. Keywords beyond marshmallow's go into the OpenAPI document."""

    def __init__(self, check: Check, *, required: bool = False, allow_none: bool = False, **metadata: Any) -> None:
        data_key = metadata.pop("data_key", None)
        if check in _FORMATS:
            metadata.setdefault("format", _FORMATS[check])
        super().__init__(required=required, allow_none=allow_none, data_key=data_key, metadata=metadata)
        self._check = check

    def _deserialize(self, value: Any, attr: str | None, *_args: Any, **_kwargs: Any) -> Any:
        return checked(self._check, attr, value)


class Id(ma.fields.String):
    """A UUID, in lower case once it is in."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(required=required, metadata={"format": "uuid"})

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        found = canonical(value) if isinstance(value, str) else None
        if found is None:
            raise ma.ValidationError("it must be a UUID")
        return found


class Flag(ma.fields.Boolean):
    """true or false, and none of the many words that marshmallow takes for them."""

    def _deserialize(self, value: Any, attr: str | None, *_args: Any, **_kwargs: Any) -> bool:
        return bool(checked(fields.boolean, attr, value))


class QueryFlag(ma.fields.Boolean):
    """``true`` or ``false`` in a query string."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> bool:
        if value not in ("true", "false"):
            raise ma.ValidationError("it must be true or false")
        return bool(value == "true")


class Whole(ma.fields.Integer):
    """A whole number of a JSON body: 5, and neither "5" nor true nor 5.5."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int:
        # In JSON 5.0 is as whole as 5.
        if type(value) is float and value.is_integer():
            return int(value)
        if type(value) is not int:
            raise ma.ValidationError("it must be a whole number")
        return value


class QueryWhole(ma.fields.Integer):
    """A whole number in a query string, in plain digits."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18):
            raise ma.ValidationError("it must be a whole number")
        return int(value)


class JsonObject(ma.fields.Dict):
    """A free-form JSON object within the model's limits."""

    def __init__(self, *, required: bool = False) -> None:
        described = {
            "description": f"Up to {json_object.JSON_BYTES} bytes as JSON, and up to {json_object.JSON_DEPTH} levels.",
            **JSON_OBJECT,
        }
        super().__init__(required=required, metadata=described)

    def _deserialize(self, value: Any, attr: str | None, *_args: Any, **_kwargs: Any) -> Any:
        return checked(json_object.json_object, attr, value)


def name(*, required: bool = False) -> Text:
    return Text(fields.name, required=required, minLength=1, maxLength=fields.NAME_LENGTH)


def choice(allowed: tuple[str, ...], *, required: bool = False, data_key: str | None = None) -> Text:
    """One of the words *allowed*; *data_key* is its name in the body where that can't be one in Python."""
    known: dict[str, Any] = {} if data_key is None else {"data_key": data_key}
    return Text(
        lambda field, value: fields.one_of(field, value, allowed), required=required, enum=list(allowed), **known
    )
