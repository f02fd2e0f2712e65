"""The synchronous strategy: a command folds its own events before it answers."""

from __future__ import annotations

import time

import structlog

from domain.breaker import CircuitBreaker
from domain.model.position import Position
from domain.read.engine import ProjectionEngine

log = structlog.get_logger(__name__)

#: Seconds that a command may spend on folding. What is not folded by then is left to the workers.
PATIENCE = 0.5

#: Seconds until the next look at a shard that somebody else has in hand.
_PAUSE = 0.005


class SynchronousFold:
    """Folds a shard up to an event in the process that stored it.

    The event is stored already, so nothing that happens here may fail the command: fold() never raises, and ends soon
    after PATIENCE. The sessions of *engine* need time-outs of their own that keep a single batch to that.
    """

    def __init__(self, engine: ProjectionEngine, patience: float = PATIENCE) -> None:
        self._engine = engine
        self._patience = patience
        self._breaker = CircuitBreaker(longest=5.0)

    def fold(self, position: Position) -> bool:
        """Fold up to *position*; return whether that was done, so that nothing is left to the workers."""
        if not self._breaker.allows():
            return False
        try:
            done = self._fold(position.shard, time.monotonic() + self._patience)
        except Exception as error:
            self._breaker.failed()
            log.warning(
                "A command's events are left to the workers.",
                at=str(position),
                error=type(error).__name__,
                reason=str(error).strip(),
            )
            return False
        self._breaker.succeeded()
        return done

    def _fold(self, shard: int, deadline: float) -> bool:
        while True:
            progress = self._engine.run(shard)
            # A batch that was not full ended at the head, so the command's events were in it or before it.
            if not progress.busy and not progress.behind:
                return not progress.failed
            if time.monotonic() >= deadline:
                return False
            if progress.busy:
                time.sleep(_PAUSE)
