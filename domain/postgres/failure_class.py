"""What kind of trouble with PostgreSQL an error tells of."""

from __future__ import annotations

import psycopg2
from sqlalchemy.exc import TimeoutError as PoolTimeout

#: The kinds. ``contention``: a deadlock, or a transaction that has to be done again.
KINDS = ("disk_full", "connection", "too_many_connections", "no_free_connection", "read_only", "timeout", "contention")

_CODES = {
    "53100": "disk_full",
    "53300": "too_many_connections",
    "25006": "read_only",
    "57014": "timeout",
    "55P03": "timeout",
    "25P03": "timeout",
    "40001": "contention",
    "40P01": "contention",
}


def failure_class(error: BaseException) -> str | None:
    """Return which of KINDS *error* is; None for one that says nothing about PostgreSQL itself."""
    if isinstance(error, PoolTimeout):
        return "no_free_connection"
    if not isinstance(error, psycopg2.Error):
        return None
    code = error.pgcode
    if code is None:
        # Who is told so while it connects gets no code.
        return "connection" if isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError)) else None
    return _CODES.get(code) or ("connection" if code[:2] in ("08", "57") else None)
