"""Reading JSON that strangers send. Stricter than the standard library, so that nothing odd gets past the door."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from web.errors import Malformed

#: How deep arrays and objects may be nested in a body.
MAX_DEPTH = 32

#: Whole numbers beyond these don't fit PostgreSQL's bigint, nor most programs that read our answers.
_LARGEST = 2**63 - 1


def parse(body: bytes) -> Any:
    """Return the value of *body*. Raises Malformed.

    Refused besides broken syntax: other encodings than UTF-8, a name twice in an object, NaN and Infinity, numbers
    out of range, lone surrogates (no UTF-8 can hold them) and deep nesting.
    """
    try:
        value = _decoder.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed(reason="the body is not UTF-8") from None
    except RecursionError:
        raise Malformed(reason="the JSON is nested too deeply") from None
    except ValueError:
        # Also what Python raises for a whole number of more digits than it wants to convert.
        raise Malformed(reason="the body is not JSON") from None
    _inspect(value)
    return value


def _inspect(value: Any) -> None:
    """Walk level by level, because recursion would find its end where the decoder just didn't."""
    level: list[Any] = [value]
    depth = 0
    while level:
        depth += 1
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _text(item)
            elif isinstance(item, dict | list):
                if depth > MAX_DEPTH:
                    raise Malformed(reason="the JSON is nested too deeply")
                below += item
                below += item.values() if isinstance(item, dict) else ()
            elif isinstance(item, int) and not -_LARGEST <= item <= _LARGEST:
                raise Malformed(reason="a number is out of range")
        level = below


def _text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Malformed(reason="a text holds half of a surrogate pair") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise Malformed(reason="a name occurs twice in one object")
    return names


def _constant(text: str) -> NoReturn:
    raise Malformed(reason=f"{text} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Malformed(reason="a number is out of range")
    return number


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
