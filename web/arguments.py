"""Taking bodies and query parameters apart: strictly, and with our own words when they are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

import marshmallow as ma
from flask import Request, request
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import RequestEntityTooLarge

from web import json_body
from web.errors import Malformed, UnsupportedMediaType, ValidationFailed

#: Bytes of a body. Werkzeug is told one more: where a body doesn't say its length it just stops at the limit, and only
#: the one byte too many shows that there was more.
MAX_BODY = 2**20
WERKZEUG_MAX_BODY = MAX_BODY + 1


class StrictParser(FlaskParser):
    """webargs' parser with unknown names refused everywhere, JSON read by json_body, and ValidationFailed raised.

    A request that has a body has no query string, and a query string has each name once.
    """

    DEFAULT_UNKNOWN_BY_LOCATION: ClassVar[dict[str, str | None]] = {  # type: ignore[misc]  # webargs' is of an object.
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
        "json": ma.RAISE,
    }

    def __init__(self) -> None:
        super().__init__()
        self._of_nothing: dict[ma.Schema, dict[str, Any]] = {}

    def parse(self, argmap: Any, req: Request | None = None, *, location: str | None = None, **options: Any) -> Any:
        if location != "query":
            refuse_query_string()
            return super().parse(argmap, req, location=location, **options)
        if request.query_string:
            refuse_repeated()
            return super().parse(argmap, req, location=location, **options)
        # Most requests say nothing there. What that comes to is the same each time.
        if argmap not in self._of_nothing:
            self._of_nothing[argmap] = super().parse(argmap, req, location=location, **options)
        return self._of_nothing[argmap].copy()

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        body = req.get_data(cache=True)
        if len(body) > MAX_BODY:
            raise RequestEntityTooLarge
        if not body:
            # Behind the server, chunks that are none look like no body. What was to be in them can't be left out.
            if "Transfer-Encoding" in req.headers:
                raise Malformed(reason="the body was announced and did not come")
            if getattr(schema, "body_optional", False):
                return {}
            raise Malformed(reason="a JSON body is needed")
        if not req.is_json or req.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise UnsupportedMediaType(expected="application/json, not compressed")
        return json_body.parse(body)

    def handle_error(self, error: ma.ValidationError, *_args: Any, **_kwargs: Any) -> NoReturn:
        # webargs has put the messages below the name of the place they are about.
        by_place: dict[str, Any] = error.messages_dict
        raise ValidationFailed(errors=by_field(next(iter(by_place.values())))) from None


def refuse_query_string() -> None:
    """Refuse a query string where none is taken, so that nobody thinks that what it says was heeded."""
    if request.query_string and request.args:
        raise ValidationFailed(errors={name: ["Unknown field."] for name in request.args})


def refuse_repeated() -> None:
    """Refuse a query string that says a name twice, of which only one value would be heeded."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise ValidationFailed(errors={name: ["Given more than once."] for name in repeated})


def by_field(messages: Any) -> dict[str, list[str]]:
    """Flatten marshmallow's messages: ``{"quotas": {"users": ["…"]}}`` becomes ``{"quotas.users": ["…"]}``."""
    found: dict[str, list[str]] = {}
    for path, message in _walk(messages, ()):
        found.setdefault(".".join(path) if path else "body", []).append(message)
    return found


def _walk(messages: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(messages, dict):
        for name, below in messages.items():
            yield from _walk(below, path if name == "_schema" else (*path, str(name)))
    elif isinstance(messages, list):
        for below in messages:
            yield from _walk(below, path)
    else:
        yield path, str(messages)
