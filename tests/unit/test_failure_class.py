"""What kind of trouble with PostgreSQL an error tells of."""

from __future__ import annotations

import psycopg2
import psycopg2.errors
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain.model.errors import EmailTaken
from domain.postgres.failure_class import KINDS, failure_class


def coded(code: str) -> Exception:
    """Return the error that psycopg2 raises for an SQLSTATE."""
    error = psycopg2.errors.lookup(code)()
    error.__setstate__({"pgcode": code})
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (coded("53100"), "disk_full"),
        (coded("53300"), "too_many_connections"),
        (coded("25006"), "read_only"),
        (coded("57014"), "timeout"),
        (coded("55P03"), "timeout"),
        (coded("25P03"), "timeout"),
        (coded("40P01"), "contention"),
        (coded("40001"), "contention"),
        (coded("57P01"), "connection"),
        (coded("08006"), "connection"),
        (psycopg2.OperationalError("refused"), "connection"),
        (psycopg2.InterfaceError("closed"), "connection"),
        (PoolTimeout(), "no_free_connection"),
    ],
)
def test_troubles_of_the_server_and_the_way_to_it_have_a_kind(error: Exception, kind: str):
    assert failure_class(error) == kind
    assert kind in KINDS


@pytest.mark.parametrize("error", [coded("23505"), coded("P0001"), EmailTaken(values=[]), KeyError("x"), OSError()])
def test_what_a_statement_or_the_code_did_wrong_has_none(error: Exception):
    assert failure_class(error) is None
