"""What can go wrong on the read side, and which of it goes away by itself."""

from __future__ import annotations

import psycopg2
import psycopg2.errors
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain.model.errors import DomainError, EventNotReadable, Unavailable


class LogDiverged(DomainError):
    """Projections {projections} have folded shard {shard} up to position {position}, but that is not what the event log
    has there: its head is {head}. The event store was restored from an older backup than the read models. Nothing more
    is folded until the right event store is back, or the read models are made anew from this one: `flask --app web
    projections start-over`."""


#: Connection, transaction rollback (deadlock, serialization), resources, operator intervention (time-outs, shutdown).
_TRANSIENT_CLASSES = frozenset({"08", "40", "53", "57"})
#: lock_not_available, idle_in_transaction_session_timeout, and a session that is not the one in which a statement was
#: prepared: invalid_sql_statement_name, duplicate_prepared_statement.
_TRANSIENT_CODES = frozenset({"55P03", "25P03", "26000", "42P05"})


def is_transient(error: BaseException) -> bool:
    """Whether *error* says nothing about the events: the same batch may pass when it is tried again."""
    if isinstance(error, EventNotReadable):
        # The command may be tried again with the next release. The event stays as it is.
        return False
    if isinstance(error, psycopg2.Error):
        code = error.pgcode
        if code is None:
            return isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))
        return code[:2] in _TRANSIENT_CLASSES or code in _TRANSIENT_CODES
    return isinstance(error, (Unavailable, PoolTimeout, OSError, MemoryError))


def is_timeout(error: BaseException) -> bool:
    """Whether a statement took too long. That goes away by itself, or comes again each time with the same event."""
    return isinstance(error, psycopg2.errors.QueryCanceled)
