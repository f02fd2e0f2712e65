"""What workers do. `dramatiq workers.actors` runs them."""

from __future__ import annotations

import time

import dramatiq
import structlog

from domain.read.errors import LogDiverged, is_transient
from workers.broker import broker, wiring
from workers.redis_broker import QUEUE

log = structlog.get_logger(__name__)

#: A shard is given up after this many seconds, so that others get their turn.
_TURN = 0.25

#: How long to leave a shard to the worker that is busy with it, in seconds.
_PATIENCE = 0.01


@dramatiq.actor(broker=broker, queue_name=QUEUE)
def project(shard: int) -> None:
    """Bring the read models up to the head of *shard*. Sent as a hint: it may come late, twice, or never."""
    # The mark goes before the events are read, so that news that come from now on send a hint of their own.
    wiring.hints.clear(shard)
    try:
        progress = wiring.engine.catch_up(shard, seconds=_TURN)
    except Exception as error:
        # Nothing is lost: the clock's sweep brings up the shard again. A retry of Dramatiq's would be one hint more.
        _report(shard, error)
        return
    if progress.busy and not progress.behind:
        time.sleep(_PATIENCE)
    if progress.busy or progress.behind:
        wiring.hints.send(shard)


def _report(shard: int, error: Exception) -> None:
    name, reason = type(error).__name__, str(error).strip()
    if is_transient(error):
        log.warning("The shard can't be projected now.", shard=shard, error=name, reason=reason)
    elif isinstance(error, LogDiverged):
        log.critical("The shard is not projected any more.", shard=shard, error=name, reason=reason)
    else:
        log.exception("The shard can't be projected.", shard=shard)
