"""Statements that a session plans once, since planning may take several times as long as what is planned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from psycopg2.errors import DuplicatePreparedStatement, InvalidSqlStatementName

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


class Prepared:
    """A statement with ``%(name)s`` in it, whose types are said beforehand.

    It is prepared in each session when it is first run there, and again in one that does not know it, as when a proxy
    has put another in its place. PostgreSQL plans anew by itself when a table changes, is analysed, or is exchanged.
    """

    def __init__(self, name: str, text: str, types: Mapping[str, str], *, before: str = "") -> None:
        """*before* is sent in front of it each time, in the same round trip and transaction, with the same values."""
        names = list(dict.fromkeys(_PLACEHOLDER.findall(text)))
        numbered = _PLACEHOLDER.sub(lambda found: f"${names.index(found[1]) + 1}", text)
        self.preparing = f"PREPARE {name} ({', '.join(types[each] for each in names)}) AS\n{numbered}"
        self.running = f"{before}EXECUTE {name} ({', '.join(f'%({each})s' for each in names)})"
        self._known: WeakSet[Connection] = WeakSet()

    def run(self, cursor: Cursor, values: Mapping[str, Any]) -> None:
        """Execute it with *values*, outside of any transaction."""
        if cursor.connection not in self._known:
            self._prepare(cursor)
        try:
            cursor.execute(self.running, values)
        except InvalidSqlStatementName:
            self._prepare(cursor)
            cursor.execute(self.running, values)

    def _prepare(self, cursor: Cursor) -> None:
        with suppress(DuplicatePreparedStatement):
            cursor.execute(self.preparing)
        self._known.add(cursor.connection)
