"""Statements that a session plans once, since planning may take several times as long as what is planned."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from psycopg2.errors import DuplicatePreparedStatement, FeatureNotSupported, InvalidSqlStatementName

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

_PLACEHOLDER = re.compile(r"(?:%\((\w+)\)s|%s)(::\w+(?:\[\])?)?")


class Prepared:
    """A statement with ``%(name)s`` in it, or with ``%s``.

    It is prepared in each session when it is first run there, and again in one that does not know it, as when a proxy
    has put another in its place. PostgreSQL plans anew by itself when a table changes, is analysed, or is exchanged.
    """

    def __init__(
        self, text: str, *, name: str | None = None, types: Mapping[str, str] | None = None, before: str = ""
    ) -> None:
        """*types* are those of the named values; without them PostgreSQL has to see them from the text.

        *before* is sent in front of it each time, in the same round trip and transaction, with the same values.
        """
        name = name or f"p_{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"
        #: The values by name, or by place, each as it is written in the text: with the type that it is cast to.
        values: dict[str | int, str] = {}

        def numbered(found: re.Match[str]) -> str:
            key = found[1] or len(values)
            values.setdefault(key, found[0])
            return f"${list(values).index(key) + 1}{found[2] or ''}"

        text = _PLACEHOLDER.sub(numbered, text)
        declared = f" ({', '.join(types[str(each)] for each in values)})" if types else ""
        self.preparing = f"PREPARE {name}{declared} AS\n{text}"
        self.running = f"{before}EXECUTE {name}" + (f" ({', '.join(values.values())})" if values else "")
        self.name = name

    def run(self, cursor: Cursor, values: Mapping[str, Any]) -> None:
        """Execute it with *values*, outside of any transaction."""
        self.prepare(cursor)
        try:
            cursor.execute(self.running, values)
        except InvalidSqlStatementName:
            forget(cursor)
        except FeatureNotSupported:
            # Somebody has given a column another type, and what is kept may not give another than it did at first.
            cursor.execute(f"DEALLOCATE {self.name}")
            _known[cursor.connection].discard(self.name)
        else:
            return
        self.prepare(cursor)
        cursor.execute(self.running, values)

    def prepare(self, cursor: Cursor) -> None:
        """Make it known to the session, if it isn't."""
        known = _known.setdefault(cursor.connection, set())
        if self.name not in known:
            with suppress(DuplicatePreparedStatement):
                cursor.execute(self.preparing)
            known.add(self.name)


#: By connection, the names of what was prepared in its session.
_known: WeakKeyDictionary[Connection, set[str]] = WeakKeyDictionary()


def forget(cursor: Cursor) -> None:
    """Take it that the session is not the one that it was, and knows nothing."""
    _known.pop(cursor.connection, None)


@cache
def planned(text: str) -> Prepared:
    """Return the one Prepared of *text*, whose values have types that PostgreSQL sees from it."""
    return Prepared(text)
