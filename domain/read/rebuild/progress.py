"""How far a rebuild is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from domain.postgres.statements import statements
from domain.read.rebuild import ddl
from domain.read.rebuild.records import Rebuild

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_SQL = statements("domain.read.rebuild.sql")["folded"]


def progress(cursor: cursor, rebuild: Rebuild, heads: Mapping[int, int]) -> dict[str, Any]:
    """Return what those who watch *rebuild* want to know, as JSON values."""
    folded, parked = _folded(cursor, rebuild)
    events = sum(heads.values()) if rebuild.finished_at is None else rebuild.events
    seconds = ((rebuild.finished_at or datetime.now(UTC)) - rebuild.started_at).total_seconds()
    speed = folded / seconds if rebuild.kind == "rebuild" and seconds > 0 else 0.0
    left = max(0, events - folded)
    return {
        "id": rebuild.id,
        "projection": rebuild.projection,
        "kind": rebuild.kind,
        "state": rebuild.state,
        "running": rebuild.finished_at is None,
        "compare": rebuild.compare,
        "cut_over": rebuild.cut_over,
        "started_by": rebuild.started_by,
        "started_at": rebuild.started_at.isoformat(),
        "finished_at": rebuild.finished_at and rebuild.finished_at.isoformat(),
        "seconds": round(seconds, 1),
        "events": events,
        "folded": folded,
        "parked": parked,
        "events_per_second": round(speed),
        "seconds_left": round(left / speed, 1) if speed and rebuild.finished_at is None else None,
        "comparison": rebuild.comparison,
        "error": rebuild.error,
        "way_back": ddl.exists(cursor, ddl.kept_schema(rebuild.projection)),
    }


def _folded(cursor: cursor, rebuild: Rebuild) -> tuple[int, int]:
    schema = ddl.rebuild_schema(rebuild.projection)
    if rebuild.finished_at is not None or not ddl.exists(cursor, schema):
        return rebuild.events if rebuild.state in ("done", "cut_over", "compared") else 0, 0
    cursor.execute(_SQL.format(schema=schema), {"projection": rebuild.projection})
    folded, parked = cursor.fetchone() or (0, 0)
    return folded, parked
