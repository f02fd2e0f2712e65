"""Waiting until the read models show what the client has seen already."""

from __future__ import annotations

import time
from collections.abc import Sequence

from domain.model.position import Position
from domain.postgres.pool import Pool
from domain.postgres.statements import statements

#: Seconds between two looks: at first, and at most.
_FIRST, _LONGEST = 0.002, 0.02

_SQL = f"SELECT {statements('domain.read.sql')['position']}"


class Waiter:
    """Waits on the database that the queries read, which may be a replica."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def wait(self, position: Position, projections: Sequence[str], timeout: float) -> bool:
        """Return True as soon as all *projections* have reached *position*, or False after *timeout* seconds."""
        deadline = time.monotonic() + timeout
        pause = _FIRST
        while not self.reached(position, projections):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST)
        return True

    def reached(self, position: Position, projections: Sequence[str]) -> bool:
        """Whether all *projections* have reached *position*."""
        with self._pool.cursor() as cursor:
            cursor.execute(_SQL, {"shard": position.shard, "projections": list(projections)})
            row = cursor.fetchone()
        return row is not None and row[0] >= position.offset
