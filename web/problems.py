"""Errors as RFC 9457 problem documents. STATUSES is the one place that knows which error has which status."""

from __future__ import annotations

import json

import psycopg2
import psycopg2.errors
import redis
import sqlalchemy.exc
import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import RoutingException

from domain.model import errors
from web import errors as web_errors

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

#: Seconds after which a client may try again what answered 503.
RETRY_AFTER = 1

#: The most specific class of an error decides. An error without an entry is a 500, which is a defect.
STATUSES: dict[type[Exception], int] = {
    web_errors.Malformed: 400,
    errors.InvalidPosition: 400,
    web_errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.RuleBroken: 409,
    errors.ConcurrencyConflict: 409,
    errors.CommandAlreadyDone: 409,
    errors.VersionMismatch: 412,
    web_errors.LineTooLong: 413,
    web_errors.TooManyLines: 413,
    web_errors.UnsupportedMediaType: 415,
    web_errors.TooManyRequests: 429,
    errors.Invalid: 422,
    errors.IdempotencyKeyReused: 422,
    web_errors.ValidationFailed: 422,
    errors.NotCaughtUp: 503,
    errors.Unavailable: 503,
    psycopg2.OperationalError: 503,
    psycopg2.InterfaceError: 503,
    # The bare class is what psycopg2 raises for a connection that broke in the middle of an answer.
    psycopg2.DatabaseError: 503,
    # After a failover the old connections lead to a server that takes no more writes.
    psycopg2.errors.ReadOnlySqlTransaction: 503,
    psycopg2.DataError: 500,
    psycopg2.IntegrityError: 500,
    psycopg2.InternalError: 500,
    psycopg2.NotSupportedError: 500,
    psycopg2.ProgrammingError: 500,
    sqlalchemy.exc.OperationalError: 503,
    sqlalchemy.exc.InterfaceError: 503,
    sqlalchemy.exc.TimeoutError: 503,
    redis.RedisError: 503,
}

#: What a client reads about the failures whose own words are not for its eyes.
_OUTAGE = errors.Unavailable(reason="a part of it is down or busy, try again")
_DEFECT = "Something went wrong on our side. The X-Request-ID of this answer names it in our logs."


def status_of(error: Exception) -> int:
    """Return the status that STATUSES gives to the class of *error* or the nearest of its bases."""
    return next((STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES), 500)


def describe(error: Exception) -> tuple[int, str, str]:
    """Return status, code and detail of *error*. Nothing is told of an error that is not meant for the client."""
    status = status_of(error)
    if isinstance(error, errors.DomainError) and status != 500:
        return status, error.code, str(error)
    if status == 503:
        return status, _OUTAGE.code, str(_OUTAGE)
    return status, "internal_server_error", _DEFECT


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: dict[str, list[str]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Build a problem document; 401 and 503 get the headers they need."""
    document: dict[str, object] = {
        "type": f"urn:pyairtable:problem:{code}",
        "title": HTTP_STATUS_CODES[status],
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        document["errors"] = errors
    # The standard library's encoder escapes what UTF-8 can't hold, so that no text can break the answer itself.
    response = Response(json.dumps(document), status, headers, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="pyairtable"'
    if status == 503:
        response.headers.setdefault("Retry-After", str(RETRY_AFTER))
    return response


def from_error(error: Exception) -> Response:
    """Turn any exception into its problem document; outages and defects are logged, with what was hidden."""
    status, code, detail = describe(error)
    if status == 500:
        log.error("A request failed for a reason nobody foresaw", exc_info=error)
    elif not isinstance(error, errors.DomainError):
        log.warning("A request failed because a part is down or busy", error=type(error).__name__)
    return problem(status, code, detail, errors=_fields(error), headers=_headers(error))


def from_http_exception(error: HTTPException) -> Response:
    """Turn an exception of Flask's or Werkzeug's own into a problem document, keeping headers such as Allow."""
    if isinstance(error, RoutingException) or error.code is None:
        return error.get_response()  # type: ignore[return-value]
    if error.code >= 500:
        return from_error(error.__cause__ if isinstance(error.__cause__, Exception) else error)
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    code = error.name.lower().replace(" ", "_").replace("-", "_")
    return problem(error.code, code, error.description or error.name, headers=headers)


def install(app: Flask) -> None:
    """Let every exception that leaves a view become a problem document."""
    app.register_error_handler(Exception, from_error)


def _headers(error: Exception) -> dict[str, str] | None:
    """Return when to try again, where the error knows."""
    if isinstance(error, errors.DomainError) and "retry_after" in error.data:
        return {"Retry-After": str(error.data["retry_after"])}
    return None


def _fields(error: Exception) -> dict[str, list[str]] | None:
    if isinstance(error, web_errors.ValidationFailed):
        return error.errors
    if isinstance(error, errors.Invalid):
        return {error.data["field"]: [error.data["reason"]]}
    return None
