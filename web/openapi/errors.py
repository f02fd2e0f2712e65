"""The problems that operations answer with, out of the table that decides the status of every error."""

from __future__ import annotations

import inspect
import re
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES

from domain.model.errors import DomainError
from web.openapi import headers
from web.problems import MEDIA_TYPE, STATUSES, status_of

#: The name of each status among the document's components, and when it comes.
ANSWERS: dict[int, tuple[str, str]] = {
    400: ("Malformed", "The request can't be read."),
    401: ("Unauthenticated", "There is no valid token."),
    403: ("Forbidden", "The token's holder may not do this."),
    404: ("NotFound", "There is no such thing, or it is another tenant's."),
    405: ("MethodNotAllowed", "The path doesn't have this method."),
    409: ("Conflict", "A rule forbids it, or somebody else changed the thing at the same moment."),
    412: ("PreconditionFailed", "The thing has another version than If-Match says."),
    413: ("TooLarge", "The body is longer than this path takes."),
    415: ("UnsupportedMediaType", "The body is of another kind than this path takes."),
    422: ("Unprocessable", "The request is not valid. `errors` says what is wrong with each field."),
    429: ("TooManyRequests", "There were too many requests of this principal or address."),
    503: ("Unavailable", "A part of the service is down, busy or behind. Try again."),
}

#: What comes from the server itself, not from an error class of ours.
_OTHER_CODES = {
    404: {"not_found": "There is no such path."},
    405: {"method_not_allowed": "The path doesn't have this method."},
    413: {"request_entity_too_large": "The body is longer than 1 MiB."},
}

_HEADERS = {
    401: ("WWWAuthenticate",),
    # Of a query that looked for it, and didn't find it.
    404: ("EventPosition", "CacheStatus", "ServerTiming"),
    405: ("Allow",),
    429: ("RetryAfter", "RateLimit", "RateLimitPolicy"),
    503: ("RetryAfter",),
}


def components() -> dict[str, Any]:
    """Return the answer of each status, to be referred to."""
    return {name: _answer(status, text) for status, (name, text) in ANSWERS.items()}


def reference(status: int) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{ANSWERS[status][0]}"}


def codes(status: int) -> dict[str, str]:
    """Return each code that comes with *status*, and what it means."""
    found = {error.code: _meaning(error) for error in _classes(DomainError) if _has(error, status)}
    return dict(sorted((found | _OTHER_CODES.get(status, {})).items()))


def _meaning(error: type[DomainError]) -> str:
    # What stands in braces is filled in when it happens.
    return re.sub(r"\{(\w+)\}", r"…", " ".join((error.__doc__ or "").split()))


def _has(error: type[DomainError], status: int) -> bool:
    # An error without a line of its own, or a base's, is never seen by a client.
    known = any(base in STATUSES for base in error.__mro__)
    return known and status_of(error.__new__(error)) == status


def _classes(base: type[DomainError]) -> list[type[DomainError]]:
    ours = [each for each in base.__subclasses__() if each.__module__.split(".")[0] in ("domain", "web")]
    return [found for each in ours for found in (each, *_classes(each)) if not inspect.isabstract(found)]


def _answer(status: int, text: str) -> dict[str, Any]:
    known = codes(status)
    lines = [f"* `{code}`: {meaning}" for code, meaning in known.items()]
    example: dict[str, Any] = {
        "type": f"urn:pyairtable:problem:{next(iter(known))}",
        "title": HTTP_STATUS_CODES[status],
        "status": status,
        "detail": known[next(iter(known))],
        "code": next(iter(known)),
    }
    if status == 422:
        code = "validation_failed"
        example |= {"type": f"urn:pyairtable:problem:{code}", "code": code, "detail": "name: it must not be empty"}
        example["errors"] = {"name": ["it must not be empty"]}
    return {
        "description": "\n".join((text, "", *lines)),
        "headers": headers.references(*headers.ALWAYS, "CacheControl", *_HEADERS.get(status, ())),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemView"}, "example": example}},
    }
