"""Comparing the live tables of a projection with others, row for row."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from domain.model.position import SHARDS
from domain.postgres.statements import statements
from domain.read.projection import Projection
from domain.read.rebuild import bookkeeping
from domain.read.rebuild.ddl import LIVE
from domain.read.tables import RowTable

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_SQL = statements("domain.read.rebuild.sql")["compare"]

_COUNTS = ("rows", "rows_live", "missing", "extra", "changed")

#: The engine's sessions are tuned for looking up a few rows by key; this reads all of them.
_SESSION = "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on"


class Comparison:
    """How the tables of *schema* differ from the live ones. It is done shard by shard where the two stand alike."""

    def __init__(self, projection: Projection, schema: str) -> None:
        self._projection = projection
        self._schema = schema
        self.compared: set[int] = set()
        self._tables = {str(table.name): _nothing() for table in projection.tables}

    def alike(self, cursor: cursor) -> set[int]:
        """Return the shards on which both have folded the same events, of those that were not compared yet.

        It holds for what else is read in the same snapshot, or while the checkpoints are locked.
        """
        name = self._projection.name
        live, other = (bookkeeping.positions(cursor, name, schema) for schema in (LIVE, self._schema))
        return {shard for shard in range(SHARDS) if live.get(shard, 0) == other.get(shard, 0)} - self.compared

    def compare(self, cursor: cursor, shards: Collection[int]) -> None:
        """Compare the rows of the tenants on *shards*."""
        cursor.execute(_SESSION)
        for table in self._projection.tables:
            cursor.execute(self._statement(table), {"shards": list(shards)})
            *counts, examples = cursor.fetchone() or ()
            found = self._tables[str(table.name)]
            for name, count in zip(_COUNTS, counts, strict=True):
                found[name] += count
            found["examples"] = (found["examples"] + examples)[:10]
        self.compared |= set(shards)

    def _statement(self, table: RowTable) -> str:
        return _SQL.format(
            here=f"{self._schema}.{table.name}",
            there=f"{LIVE}.{table.name}",
            key=", ".join(table.key),
            here_columns=", ".join(f"here.{column}" for column in table.columns),
            there_columns=", ".join(f"there.{column}" for column in table.columns),
        )

    def result(self) -> dict[str, Any]:
        """Return what was found: *missing* from the live tables, *extra* in them, or *changed*; with a few keys."""
        return {
            "shards": len(self.compared),
            "different": sum(each[kind] for each in self._tables.values() for kind in ("missing", "extra", "changed")),
            "tables": self._tables,
        }


def _nothing() -> dict[str, Any]:
    return {**dict.fromkeys(_COUNTS, 0), "examples": []}
