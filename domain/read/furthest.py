"""How far the furthest projection is on a shard."""

from __future__ import annotations

from domain.postgres.pool import Pool


def furthest(pool: Pool, shard: int) -> int:
    """Return the highest offset that any projection has reached. *pool* has to lead to where projections write."""
    with pool.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(position), 0) FROM read_schema.projection_checkpoints WHERE shard = %s", (shard,)
        )
        return int((cursor.fetchone() or (0,))[0])
