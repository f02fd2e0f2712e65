"""What workers do. `dramatiq workers.actors` runs them."""

from __future__ import annotations

import time

import dramatiq

from domain.read.engine import ProjectionEngine
from workers.broker import broker, wiring
from workers.hints import Actor
from workers.rebuilding import lend_a_hand
from workers.redis_broker import QUEUE
from workers.turn import take_turn

#: How long to leave a shard to the worker that is busy with it, in seconds.
_PATIENCE = 0.01


@dramatiq.actor(broker=broker, queue_name=QUEUE)
def project(shard: int) -> None:
    """Bring the read models up to the head of *shard*. Sent as a hint: it may come late, twice, or never."""
    _follow(shard, "project", wiring.engine)


@dramatiq.actor(broker=broker, queue_name=QUEUE)
def project_batch(shard: int) -> None:
    """Do the same for the projections of strategy batch. Sent at the clock's tick."""
    _follow(shard, "project_batch", wiring.batch_engine)


def _follow(shard: int, actor: Actor, engine: ProjectionEngine | None) -> None:
    # The mark goes before the events are read, so that news that come from now on send a hint of their own.
    wiring.hints.clear(shard, actor)
    # Without an engine the hint comes from a release or from settings that gave the projections another strategy.
    progress = take_turn(engine, shard) if engine is not None else None
    # A turn that failed is left to the clock: a retry of Dramatiq's would be one hint more.
    if progress is None:
        return
    if progress.busy and not progress.behind:
        time.sleep(_PATIENCE)
    if progress.busy or progress.behind:
        wiring.hints.send(shard, actor)


@dramatiq.actor(broker=broker, queue_name=QUEUE, priority=10)
def rebuild(projection: str, hand: int) -> None:
    """Lend a hand to the rebuild of *projection* for a turn. News go first. It may come late, twice, or never."""
    more = lend_a_hand(wiring.rebuilder, projection)
    # The mark stays until the turn is over, so that no more hands are at work than were asked for.
    wiring.hints.clear_rebuild(projection, hand)
    if more:
        wiring.hints.send_rebuild(projection, hand)
