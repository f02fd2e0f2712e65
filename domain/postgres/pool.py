"""A pool of PostgreSQL connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
from psycopg2.extensions import UNICODE, new_type, register_type
from sqlalchemy import Engine, create_engine, event

from domain.postgres.url import normalised

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

#: Connections that a pool keeps open while nobody uses them, if it is not told otherwise.
KEPT = 8


class Pool:
    """Connections in autocommit mode, so that one statement is one round trip.

    SQLAlchemy keeps the connections; the statements go to psycopg2's own cursor, because building a SQLAlchemy
    result costs more than most of our queries. A connection that broke, or was left inside a transaction, is thrown
    away, never handed on.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int = KEPT,
        overflow: int = 7,
        wait: float = 5.0,
        application_name: str = "cqrs",
        settings: Mapping[str, str] | None = None,
        failed: Callable[[BaseException], object] = lambda _: None,
    ) -> None:
        """*wait* is how many seconds a caller waits for a connection; *settings* are PostgreSQL's, for each session.

        *size* connections stay open, which should be as many as threads there are that ask at the same time. Those of
        the *overflow* are closed when they come back, and to open one costs as much as a dozen queries.

        *failed* is told each error that somebody met who wanted a connection, or had one.
        """
        options = " ".join(f"-c {name}={value}" for name, value in (settings or {}).items())
        self.engine: Engine = create_engine(
            normalised(url),
            pool_size=size,
            max_overflow=overflow,
            pool_timeout=wait,
            pool_use_lifo=True,
            # There is nothing to roll back in autocommit mode, and a rollback would be a round trip.
            pool_reset_on_return=None,
            connect_args={
                "application_name": application_name,
                "connect_timeout": 5,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                # What was sent to a host that has gone is sent again for a quarter of an hour, without any keepalive.
                "tcp_user_timeout": 10_000,
                **({"options": options} if options else {}),
            },
        )
        self._most = size + overflow
        self._failed = failed
        event.listen(self.engine, "connect", _prepare)

    def cursor(self) -> Lent:
        """Lend a cursor; each execute commits by itself."""
        return Lent(self.engine, self._failed)

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Lend a cursor inside BEGIN … COMMIT; an exception rolls back."""
        with self.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield cursor
            except BaseException:
                if not cursor.connection.closed:
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def fullness(self) -> dict[str, int]:
        """Return how many connections there may be, how many there are, and how many of those are in use."""
        pool: Any = self.engine.pool
        idle, used = pool.checkedin(), pool.checkedout()
        return {"most": self._most, "open": idle + used, "in_use": used}

    def close(self) -> None:
        """Close all idle connections; those lent out are closed when they come back."""
        self.engine.dispose()


class Lent:
    """A cursor, on a connection that is nobody else's as long as the block lasts.

    Each query and command has one or two. Generators in place of a class would take as long as SQLAlchemy's pool does.
    """

    __slots__ = ("_cursor", "_engine", "_failed", "_pooled")

    def __init__(self, engine: Engine, failed: Callable[[BaseException], object]) -> None:
        self._engine = engine
        self._failed = failed

    def __enter__(self) -> Cursor:
        try:
            self._pooled = self._engine.raw_connection()
        except BaseException as error:
            self._failed(error)
            raise
        try:
            self._cursor: Cursor = self._pooled.cursor()  # type: ignore[assignment]
        except BaseException as error:
            self._give_back(error)
            raise
        return self._cursor

    def __exit__(self, _class: object, error: BaseException | None, _traceback: object) -> None:
        try:
            self._cursor.close()
        finally:
            self._give_back(error)

    def _give_back(self, error: BaseException | None) -> None:
        try:
            if error is not None:
                self._failed(error)
                connection: Connection = self._pooled.driver_connection  # type: ignore[assignment]
                # The session's state is unknown when a statement was cut off; an orderly error leaves it idle.
                if connection.closed or connection.info.transaction_status != _IDLE:
                    self._pooled.invalidate()
        finally:
            self._pooled.close()


class Undecodable(str):
    """The text of a JSON value that is too deep or too large to be decoded. It is no dict, and so no payload."""


def _json(text: str | None, _cursor: Cursor) -> Any:
    # One such value must not keep anybody from reading the rows around it.
    try:
        return None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        return Undecodable(text)


#: psycopg2.extensions.TRANSACTION_STATUS_IDLE
_IDLE = 0


#: Ids are text throughout the service, as they are in JSON.
_UUIDS_AS_TEXT = new_type((2950,), "UUID_AS_TEXT", UNICODE)

#: json and jsonb. SQLAlchemy's way to name another decoder costs two more calls for each value.
_JSON = new_type((114, 3802), "JSON", _json)  # type: ignore[arg-type]  # Not bytes: no cursor of ours is binary.


def _prepare(connection: Connection, _record: object) -> None:
    connection.autocommit = True
    register_type(_UUIDS_AS_TEXT, connection)
    register_type(_JSON, connection)
