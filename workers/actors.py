"""What workers do. `dramatiq workers.actors` runs them."""

from __future__ import annotations

import threading
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

#: How many shards are folded in one transaction at most.
_TOGETHER = 32

#: A worker rests as long as it has worked, but never for more than so many seconds.
_REST = 0.02

#: One thread of a process at a time folds several shards. What comes in meanwhile gathers for the next.
_round = threading.Lock()


@dramatiq.actor(broker=broker, queue_name=QUEUE)
def project(shard: int, alone: bool = False) -> None:
    """Bring the read models up to the head of *shard*, and unless it is to be *alone*, of those that wait beside it.

    Sent as a hint: it may come late, twice, or never.
    """
    if alone or wiring.engine is None:
        _follow(shard, "project", wiring.engine)
        return
    with _round:
        began = time.monotonic()
        taken = wiring.hints.take(shard, _TOGETHER)
        shards, left = taken[:_TOGETHER], taken[_TOGETHER:]
        # The last one brings a message to those that still wait.
        for each in left:
            wiring.hints.send(each)
        done = wiring.engine.run_together(shards)
        if not left:
            # So that more gathers the busier the machine is. Each round costs about the same, whatever it finds.
            time.sleep(min(time.monotonic() - began, _REST))
    for each in shards:
        # It may take long, for which the others don't wait.
        if each not in done or done[each].behind:
            wiring.hints.send_alone(each)


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
        wiring.hints.send_alone(shard, actor)


@dramatiq.actor(broker=broker, queue_name=QUEUE, priority=10)
def rebuild(projection: str, hand: int) -> None:
    """Lend a hand to the rebuild of *projection* for a turn. News go first. It may come late, twice, or never."""
    more = lend_a_hand(wiring.rebuilder, projection)
    # The mark stays until the turn is over, so that no more hands are at work than were asked for.
    wiring.hints.clear_rebuild(projection, hand)
    if more:
        wiring.hints.send_rebuild(projection, hand)
