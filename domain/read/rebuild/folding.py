"""Folding the events into the tables of a rebuild, by any number of processes at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from domain.model.event_log import EventLog
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.projection import Projection
from domain.read.rebuild import bookkeeping
from domain.read.rebuild.bounded_log import BoundedLog
from domain.read.rebuild.ddl import LIVE, rebuild_schema

#: How many batches are folded in one transaction: a row that many events touch is loaded and written once for all.
_PIECES = 20

#: Seconds to leave a shard to the one who is busy with it.
_PATIENCE = 0.01


class Folding:
    """The engine on the tables of a rebuild. The checkpoints there say what has been done and who is at what."""

    def __init__(
        self, pool: Pool, event_log: EventLog, projection: Projection, batch_size: int, *, behind_live: bool
    ) -> None:
        """*behind_live* keeps it from folding what the live projection has not folded."""
        self._pool = pool
        self._name = projection.name
        self._schema = rebuild_schema(projection.name)
        self._log = event_log
        if behind_live:
            self._log = BoundedLog(event_log, lambda: self.positions(LIVE))
        self._engine = ProjectionEngine(
            pool, self._log, [projection], batch_size=batch_size, schema=self._schema, pieces=_PIECES
        )

    def positions(self, schema: str) -> dict[int, int]:
        with self._pool.cursor() as cursor:
            return bookkeeping.positions(cursor, self._name, schema)

    def lags(self) -> dict[int, int]:
        """Return by how many events each shard is behind, of those that are."""
        positions = self.positions(self._schema)
        return {
            shard: head - positions.get(shard, 0)
            for shard, head in self._log.heads().items()
            if head > positions.get(shard, 0)
        }

    def once(self, goes_on: Callable[[], bool]) -> int:
        """Fold what there is on each shard, in no order, while *goes_on*; return how many events are left."""
        shards = [*self.lags(), *self._engine.due_shards()]
        # Of several processes each begins elsewhere.
        for shard in random.sample(shards, len(shards)):
            while goes_on():
                if not self._batch(shard):
                    break
        return sum(self.lags().values())

    def up_to(self, positions: dict[int, int], seconds: float) -> bool:
        """Fold until no shard is behind *positions*; return whether that was done within so many *seconds*."""
        deadline = time.monotonic() + seconds
        while True:
            own = self.positions(self._schema)
            behind = [shard for shard, position in positions.items() if own.get(shard, 0) < position]
            if not behind:
                return True
            for shard in behind:
                if time.monotonic() >= deadline:
                    return False
                self._batch(shard)

    def _batch(self, shard: int) -> bool:
        """Fold one batch of *shard*; return whether there may be more for us."""
        progress = self._engine.run(shard)
        if progress.busy:
            time.sleep(_PATIENCE)
        return progress.behind
