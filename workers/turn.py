"""One turn of folding a shard."""

from __future__ import annotations

import structlog

from domain.read.engine import ProjectionEngine
from domain.read.errors import LogDiverged, is_transient
from domain.read.progress import Progress

log = structlog.get_logger(__name__)

#: A shard is given up after this many seconds, so that others get their turn.
SECONDS = 0.25


def take_turn(engine: ProjectionEngine, shard: int) -> Progress | None:
    """Fold *shard* for one turn. None says that it failed, and why is in the log.

    Nothing is lost then: the clock's sweep brings up the shard again.
    """
    try:
        return engine.catch_up(shard, seconds=SECONDS)
    except Exception as error:
        _report(shard, error)
        return None


def _report(shard: int, error: Exception) -> None:
    name, reason = type(error).__name__, str(error).strip()
    if is_transient(error):
        log.warning("The shard can't be projected now.", shard=shard, error=name, reason=reason)
    elif isinstance(error, LogDiverged):
        log.critical("The shard is not projected any more.", shard=shard, error=name, reason=reason)
    else:
        log.exception("The shard can't be projected.", shard=shard)
