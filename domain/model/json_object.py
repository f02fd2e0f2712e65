"""Free-form JSON objects: their limits, and when two are the same."""

from __future__ import annotations

import json
from typing import Any

from domain.model.errors import Invalid

#: Bytes of the object as compact UTF-8 JSON.
JSON_BYTES = 16 * 1024
#: Levels of objects and lists, the outermost being the first.
JSON_DEPTH = 10
#: The whole numbers that every JSON reader keeps exactly (RFC 7493, section 2.2).
JSON_INTEGER = 2**53 - 1
#: Nothing closer to 0 than this: jsonb writes numbers out in full, so 1e-308 would come back as 310 characters.
JSON_SMALLEST = 1e-30


def json_object(field: str, value: object) -> dict[str, Any]:
    """Return a copy of *value*, an object of JSON values within the limits. Raises Invalid, and nothing else.

    A number without a fraction becomes an integer, so that the copy is what jsonb gives back.
    """
    if not isinstance(value, dict):
        raise Invalid(field=field, reason="it must be an object")
    copy: dict[str, Any] = _clean(field, value, 1)
    if len(canonical(copy).encode()) > JSON_BYTES:
        raise Invalid(field=field, reason=f"it must be no larger than {JSON_BYTES} bytes")
    return copy


def canonical(value: Any) -> str:
    """One text for each JSON value. Two values that Python calls equal, such as 1 and true, have two."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _clean(field: str, value: object, depth: int) -> Any:
    match value:
        case None | bool():
            return value
        case str():
            return _text(field, value)
        case int() | float():
            return _number(field, value)
        case dict() | list() | tuple() if depth > JSON_DEPTH:
            raise Invalid(field=field, reason=f"it must be no more than {JSON_DEPTH} levels deep")
        case dict():
            return {_text(field, key): _clean(field, item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_clean(field, item, depth + 1) for item in value]
        case _:
            raise Invalid(field=field, reason="it must consist of JSON values")


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise Invalid(field=field, reason="its keys must be text")
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise Invalid(field=field, reason="it must not contain NUL or half a surrogate pair")
    return value


def _number(field: str, value: float) -> int | float:
    # Written so that NaN, which is smaller than nothing and larger than nothing, is refused.
    if not (value == 0 or JSON_SMALLEST <= abs(value) <= JSON_INTEGER):
        raise Invalid(field=field, reason="it has a number that is too large, too small or none")
    return int(value) if isinstance(value, int) or value.is_integer() else value
