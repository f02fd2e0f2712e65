"""Which error has which status."""

from __future__ import annotations

import psycopg2
import psycopg2.errors
import pytest
import redis

from domain.model import errors
from web import errors as web_errors
from web.problems import STATUSES, describe, from_error


def all_errors(base: type[errors.DomainError]) -> list[type[errors.DomainError]]:
    return [each for child in base.__subclasses__() for each in (child, *all_errors(child))]


#: Raised inside, never to be seen by a client: nobody folds events or restores backups while answering a request.
INTERNAL = {
    "FolderNotEmpty",
    "FolderUnusable",
    "LogDiverged",
    "NotABackup",
    "NotEmpty",
    "NotInSecret",
    "ProgramFailed",
    "ProgramsMissing",
}


def test_every_error_of_the_domain_has_a_status() -> None:
    known = {error for error in all_errors(errors.DomainError) if any(base in STATUSES for base in error.__mro__)}

    assert {error.__name__ for error in all_errors(errors.DomainError)} - {
        error.__name__ for error in known
    } <= INTERNAL


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.EmailTaken(), 409, "email_taken"),
        (errors.CreatorNotActive(), 403, "creator_not_active"),
        (errors.MemberNotFound(), 404, "member_not_found"),
        (errors.VersionMismatch(expected=1, actual=2), 412, "version_mismatch"),
        (errors.InvalidPosition(text="x"), 400, "invalid_position"),
        (errors.NotCaughtUp(position="1-1"), 503, "not_caught_up"),
        (web_errors.Unauthenticated(reason="x"), 401, "unauthenticated"),
        (psycopg2.OperationalError("host=secret"), 503, "unavailable"),
        (psycopg2.DatabaseError("lost"), 503, "unavailable"),
        (psycopg2.errors.DeadlockDetected(), 503, "unavailable"),
        (psycopg2.errors.QueryCanceled(), 503, "unavailable"),
        (psycopg2.errors.ReadOnlySqlTransaction(), 503, "unavailable"),
        (redis.ConnectionError("secret"), 503, "unavailable"),
        (psycopg2.errors.UndefinedTable("secret"), 500, "internal_server_error"),
        (psycopg2.DataError("secret"), 500, "internal_server_error"),
        (RuntimeError("secret"), 500, "internal_server_error"),
    ],
)
def test_an_error_is_described_without_its_secrets(error: Exception, status: int, code: str) -> None:
    assert describe(error)[:2] == (status, code)
    response = from_error(error)
    assert response.status_code == status
    assert b"secret" not in response.data
    assert ("Retry-After" in response.headers) == (status == 503)
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
