"""Hints to the workers that there may be news on a shard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import dramatiq
import redis
import structlog

from domain import tracing
from domain.breaker import CircuitBreaker
from domain.model.position import SHARDS, Position
from domain.telemetry.counters import Counters
from domain.telemetry.names import HINT
from workers.redis_broker import QUEUE, WAITING, make_broker

log = structlog.get_logger(__name__)

#: The actor that a hint is for: the one for news on a shard, and the one for a tick of the batch strategy.
Actor = Literal["project", "project_batch"]

#: How many milliseconds a mark lasts that no worker takes away, because the message behind it was lost: the one of a
#: shard, and the one that all shards wait for.
_MARK_LIFE, _SHARED_MARK_LIFE = 3000, 250

#: The mark of the message that all shards wait for.
_SHARED_MARK = "hint:project"

#: No more hints are sent while this many wait: there is no worker, and when one comes it finds each shard many times.
_ENOUGH = 4 * SHARDS

#: How many seconds a command may wait for Redis.
_TIMEOUT = 0.1


_SCRIPT = Path(__file__).with_name("hint.lua").read_text()


class HintSender:
    """Sends hints, at most one waiting for each shard. It never raises: a hint that is lost is made up by the clock.

    Of those about news only one waits as a message. The shards of the others wait beside it, and whoever takes the
    message takes them along.
    """

    def __init__(self, url: str, counters: Counters | None = None) -> None:
        """What becomes of the hints is counted by *counters*, which may be given later too."""
        self.counters = counters or Counters()
        broker = make_broker(url, _TIMEOUT, middleware=[])
        self._client: redis.Redis = broker.client
        self._queue = f"{broker.namespace}:{QUEUE}"
        self._script = self._client.register_script(_SCRIPT)
        self._breaker = CircuitBreaker(longest=2.0)

    def on_appended(self, position: Position, _count: int) -> None:
        """Tell the workers that there are new events up to *position*."""
        self.send(position.shard)

    def send(self, shard: int, actor: Actor = "project") -> bool:
        """Send a hint unless one is waiting. Return False when it can't be sent."""
        if actor == "project":
            return self._guarded(actor, lambda: self._send(_SHARED_MARK, actor, shard, waiting=shard))
        return self.send_alone(shard, actor)

    def send_alone(self, shard: int, actor: Actor = "project") -> bool:
        """Send the hint that *shard* needs a turn of its own, unless that one is waiting; otherwise as send()."""
        # The other actor gives no other turns.
        alone = (True,) if actor == "project" else ()
        return self._guarded(actor, lambda: self._send(_mark(shard, actor), actor, shard, *alone))

    def send_rebuild(self, projection: str, hand: int) -> bool:
        """Ask a worker to lend its *hand*-th hand to the rebuild of *projection*, unless that was asked already."""
        mark = _rebuild_mark(projection, hand)
        return self._guarded("rebuild", lambda: self._send(mark, "rebuild", projection, hand))

    def _send(self, mark: str, actor: str, *args: object, waiting: int | None = None) -> None:
        # One request instead of Dramatiq's own and one before it, since a command waits for it.
        id = str(uuid4())
        # The trace goes along for those who look on. Nothing hangs on it: the events have their own.
        traceparent = tracing.traceparent()
        options = {"redis_message_id": id} | ({} if traceparent is None else {"traceparent": traceparent})
        message: dramatiq.Message[Any] = dramatiq.Message(
            queue_name=QUEUE, actor_name=actor, args=args, kwargs={}, options=options
        )
        keys = [mark, self._queue, f"{self._queue}.msgs"]
        if waiting is None:
            sent = self._script(keys=keys, args=[_MARK_LIFE, _ENOUGH, id, message.encode()])
        else:
            keys.append(WAITING)
            sent = self._script(keys=keys, args=[_SHARED_MARK_LIFE, _ENOUGH, id, message.encode(), waiting])
        self.counters.count(HINT, actor, "sent" if sent else "spared")

    def take(self, shard: int, most: int) -> list[int]:
        """Take the mark of all away, and those that wait: return *shard*, whose message it was, and up to *most* more.

        Their events are about to be read, so whatever is new from now on has a hint of its own.
        """
        shards = {shard: None}

        def take() -> None:
            with self._client.pipeline() as pipe:
                # The second is the mark of a release that has a message for each shard, and is being replaced.
                pipe.delete(_SHARED_MARK, f"hint:{shard}")
                pipe.zpopmin(WAITING, most)
                _, waited = pipe.execute()
            shards.update((int(each), None) for each, _ in waited)

        self._guarded("project", take)
        self.counters.count(HINT, "project", "taken", len(shards))
        return list(shards)

    def clear(self, shard: int, actor: Actor = "project") -> None:
        """Take the mark of *shard* alone away: its events are about to be read."""
        self._guarded(actor, lambda: self._client.delete(_mark(shard, actor)))
        self.counters.count(HINT, actor, "taken")

    def clear_rebuild(self, projection: str, hand: int) -> None:
        """Take the mark away: the hand is free."""
        self._guarded("rebuild", lambda: self._client.delete(_rebuild_mark(projection, hand)))
        self.counters.count(HINT, "rebuild", "taken")

    def _guarded(self, actor: str, action: Callable[[], object]) -> bool:
        if not self._breaker.allows():
            self.counters.count(HINT, actor, "lost")
            return False
        try:
            action()
        except redis.RedisError as error:
            self._breaker.failed()
            self.counters.count(HINT, actor, "lost")
            log.warning("A hint was lost.", error=type(error).__name__, reason=str(error))
            return False
        self._breaker.succeeded()
        return True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _mark(shard: int, actor: Actor) -> str:
    return f"hint:alone:{shard}" if actor == "project" else f"hint:{actor}:{shard}"


def _rebuild_mark(projection: str, hand: int) -> str:
    return f"hint:rebuild:{projection}:{hand}"
