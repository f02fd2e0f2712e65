"""Which of several clocks does the work."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg2

from domain.postgres.url import normalised

if TYPE_CHECKING:
    from psycopg2.extensions import connection

#: The two halves of the advisory lock's key: ours, and the clock's.
_LOCK = (0x70796174, 1)

#: PostgreSQL ends the session of a leader that was frozen or cut off, and with it the lock. A living one asks far more
#: often than this.
_SESSION = "-c idle_session_timeout=10s -c statement_timeout=5s"


class Leadership:
    """Held by at most one process at a time: an advisory lock that lives as long as the session that took it."""

    def __init__(self, database_url: str) -> None:
        url = normalised(database_url).set(drivername="postgresql")
        self._dsn = url.render_as_string(hide_password=False)
        self._connection: connection | None = None
        self._held = False

    def held(self) -> bool:
        """Whether this process leads now; it takes the lead if that is free. To be asked about once a second.

        Raises psycopg2.Error when the database can't be asked; the lead is lost then.
        """
        try:
            if self._connection is None:
                self._connection = self._connect()
            with self._connection.cursor() as cursor:
                # The lock ends with the session, so a session that answers still has it.
                cursor.execute("SELECT true" if self._held else "SELECT pg_try_advisory_lock(%s, %s)", _LOCK)
                (self._held,) = cursor.fetchone() or (False,)
        except psycopg2.Error:
            self.release()
            raise
        return self._held

    def _connect(self) -> connection:
        connection = psycopg2.connect(
            self._dsn, application_name="cqrs clock", options=_SESSION, connect_timeout=5, tcp_user_timeout=5000
        )
        connection.autocommit = True
        return connection

    def release(self) -> None:
        """Give the lead up."""
        if self._connection is not None:
            with suppress(psycopg2.Error), self._connection.cursor() as cursor:
                # The end of the session would do, but a little after close() has returned.
                cursor.execute("SELECT pg_advisory_unlock_all()")
            with suppress(psycopg2.Error):
                self._connection.close()
            self._connection = None
        self._held = False
