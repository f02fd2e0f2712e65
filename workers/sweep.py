"""The clock's search for shards that no hint has told about."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from domain.read.engine import ProjectionEngine
from workers.hints import Actor, HintSender
from workers.turn import take_turn

#: Seconds that the clock folds by itself in one run.
_RUN = 5.0


class Sweep:
    """Sends a hint for each of the shards that *shards* finds. So no hint ever has to arrive.

    While Redis can't be reached no hint arrives at all, so the clock gives these shards a turn itself.
    """

    def __init__(
        self, shards: Callable[[], Iterable[int]], engine: ProjectionEngine, hints: HintSender, actor: Actor
    ) -> None:
        self._shards = shards
        self._engine = engine
        self._hints = hints
        self._actor: Actor = actor

    def __call__(self) -> None:
        deadline = time.monotonic() + _RUN
        for shard in self._shards():
            if not self._hints.send(shard, self._actor) and time.monotonic() < deadline:
                take_turn(self._engine, shard)
