"""What keeps a rebuild from being cut over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.postgres.statements import statements
from domain.read.rebuild.ddl import rebuild_schema
from domain.read.rebuild.errors import ParkedInRebuild, RebuildPaused

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_SQL = statements("domain.read.rebuild.sql")


def check_running(cursor: cursor, projection: str) -> None:
    """Raise RebuildPaused where so much failed that the engine has paused the rebuild."""
    cursor.execute(_SQL["paused"].format(schema=rebuild_schema(projection)), {"projection": projection})
    if row := cursor.fetchone():
        raise RebuildPaused(projection=projection, reason=row[0])


def check_parked(cursor: cursor, projection: str) -> None:
    """Raise ParkedInRebuild where the rebuilt rows would be worse than the live ones.

    An aggregate that is parked in both was refused by the present code each time, and goes on to be retried.
    """
    cursor.execute(_SQL["newly_parked"].format(schema=rebuild_schema(projection)), {"projection": projection})
    if found := cursor.fetchall():
        first, error = found[0]
        raise ParkedInRebuild(projection=projection, aggregates=len(found), first=first, reason=error)
