"""What the engine keeps beside the rows of a projection, and how it goes with them from schema to schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.model.position import SHARDS
from domain.read import schema
from domain.read.projection_states import ENGINE
from domain.read.rebuild.ddl import LIVE, copy_indexes, copy_table

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

#: Every engine finds these in its own schema.
TABLES: tuple[str, ...] = tuple(str(table.name) for table in schema.BOOKKEEPING)

#: What stands still for a projection belongs to its rows and goes where they go.
_MOVED = (str(schema.parked_aggregates.name),)

#: How far the rows of a shard are. What the cache has heard of is not among it: that is its own matter.
_STAND = ("position", "event_id", "parked", "moved_at")

#: But what the new rows have yet to show the cache has to hear of again, though it has heard of it with the former.
_HEARD = (
    "invalidated_position = least(here.invalidated_position, other.position), "
    "pending_since = CASE WHEN here.invalidated_position < other.position THEN here.pending_since END"
)


def open_checkpoints(cursor: cursor, projection: str, schema: str) -> None:
    """Make the checkpoints that are not there yet, since only a row can be locked."""
    cursor.execute(
        f"INSERT INTO {schema}.projection_checkpoints (shard, projection) "
        f"SELECT generate_series(0, {SHARDS - 1}), %s ON CONFLICT DO NOTHING",
        (projection,),
    )


def lock_checkpoints(cursor: cursor, projection: str, schema: str) -> dict[int, int]:
    """Keep everybody from folding until the transaction ends; return the positions. All checkpoints must be there."""
    cursor.execute(
        f"SELECT shard, position FROM {schema}.projection_checkpoints "  # noqa: S608
        "WHERE projection = %s ORDER BY shard FOR UPDATE",
        (projection,),
    )
    return dict(cursor.fetchall())


def positions(cursor: cursor, projection: str, schema: str) -> dict[int, int]:
    """Return how far *projection* is on each shard."""
    cursor.execute(
        f"SELECT shard, position FROM {schema}.projection_checkpoints WHERE projection = %s",  # noqa: S608
        (projection,),
    )
    return dict(cursor.fetchall())


def take_skips(cursor: cursor, projection: str, schema: str) -> None:
    """Let the engine of *schema* know what is skipped on record: it stays skipped. What waits for that is due."""
    names = {"projection": projection}
    cursor.execute(
        f"INSERT INTO {schema}.skipped_events SELECT * FROM {LIVE}.skipped_events "  # noqa: S608
        "WHERE projection = %(projection)s ON CONFLICT DO NOTHING",
        names,
    )
    cursor.execute(
        f"UPDATE {schema}.parked_aggregates p SET next_attempt_at = clock_timestamp(), dead_at = NULL "  # noqa: S608
        f"FROM {schema}.skipped_events s WHERE p.projection = %(projection)s AND s.projection = p.projection "
        "AND s.tenant_id = p.tenant_id AND s.aggregate_id = p.aggregate_id AND s.version = p.version",
        names,
    )


def make(cursor: cursor, projection: str, schema: str) -> None:
    """Make what an engine needs in *schema*, with every checkpoint at the beginning."""
    for table in TABLES:
        copy_table(cursor, table, schema)
        copy_indexes(cursor, table, schema)
    open_checkpoints(cursor, projection, schema)
    take_skips(cursor, projection, schema)


def swap(cursor: cursor, projection: str, new: str, kept: str) -> None:
    """Make what stands in *new* the live state, and keep the present one in *kept*. All checkpoints are locked."""
    names = {"projection": projection}
    stand = ", ".join(f"{column} = other.{column}" for column in _STAND)
    for there, other in ((kept, LIVE), (LIVE, new)):
        cursor.execute(
            f"UPDATE {there}.projection_checkpoints here SET {stand}, {_HEARD} "  # noqa: S608
            f"FROM {other}.projection_checkpoints other WHERE here.shard = other.shard "
            "AND here.projection = %(projection)s AND other.projection = %(projection)s",
            names,
        )
        for table in _MOVED:
            cursor.execute(
                f"DELETE FROM {there}.{table} WHERE projection = %(projection)s; "  # noqa: S608
                f"INSERT INTO {there}.{table} SELECT * FROM {other}.{table} WHERE projection = %(projection)s",
                names,
            )
    # What had drifted were the former rows.
    cursor.execute(
        f"UPDATE {LIVE}.projection_verifications SET drifted = 0, examples = '[]' WHERE projection = %(projection)s",  # noqa: S608
        names,
    )
    # What made the engine pause is what the other rows were made without. Whoever paused it by hand has other reasons.
    cursor.execute(
        f"DELETE FROM {LIVE}.projections WHERE name = %(projection)s AND changed_by = %(engine)s",  # noqa: S608
        {**names, "engine": ENGINE},
    )
