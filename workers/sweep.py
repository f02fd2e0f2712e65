"""The clock's search for shards that no hint has told about."""

from __future__ import annotations

import structlog

from domain.read.engine import ProjectionEngine
from domain.read.errors import is_transient
from workers.hints import HintSender

log = structlog.get_logger(__name__)


class Sweep:
    """Sends a hint for each shard whose head is past a checkpoint. So no hint ever has to arrive."""

    def __init__(self, engine: ProjectionEngine, hints: HintSender) -> None:
        self._engine = engine
        self._hints = hints

    def __call__(self) -> None:
        try:
            shards = self._engine.lagging_shards()
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("The sweep can't read the heads now.", error=type(error).__name__, reason=str(error).strip())
            return
        for shard in shards:
            self._hints.send(shard)
