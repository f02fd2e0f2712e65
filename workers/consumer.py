"""A consumer of Dramatiq's whom a message wakes, where Dramatiq's own looks into Redis again and again."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

import redis
import structlog
from dramatiq import Consumer, MessageProxy
from redis.client import PubSub

log = structlog.get_logger(__name__)

#: After so many seconds it looks although nothing rang: a ring can get lost, and others than we send without one. While
#: no ring can be heard, more often.
_LOOK, _UNHEARD = 0.1, 0.02


class WokenConsumer(Consumer):
    """Takes messages from *looking*, which never waits, and looks again when the *doorbell* rings."""

    def __init__(self, looking: Consumer, doorbell: Doorbell) -> None:
        self._looking = looking
        self._doorbell = doorbell

    def __next__(self) -> MessageProxy | None:
        message = next(self._looking)
        if message is None:
            self._doorbell.wait(_LOOK)
        return message

    def ack(self, message: MessageProxy) -> None:
        self._looking.ack(message)

    def nack(self, message: MessageProxy) -> None:
        self._looking.nack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        self._looking.requeue(messages)

    def close(self) -> None:
        self._doorbell.close()
        self._looking.close()


class Doorbell:
    """Rings when something was put into a queue: who puts it there publishes to the queue's name in Redis."""

    def __init__(self, client: redis.Redis, name: str) -> None:
        self._client = client
        self._name = name
        self._subscription: PubSub | None = None

    def wait(self, seconds: float) -> None:
        """Return when it has rung since the last time, or after *seconds*."""
        try:
            if self._subscription is None:
                # What came before it was heard has rung for nobody, so the first time there is no waiting.
                self._subscription = self._client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
                self._subscription.subscribe(self._name)
            else:
                rings = self._subscription.get_message(timeout=seconds)
                while rings is not None:
                    rings = self._subscription.get_message()
        except (redis.RedisError, OSError) as error:
            log.debug("The doorbell can't be heard.", error=type(error).__name__)
            self.close()
            time.sleep(_UNHEARD)

    def close(self) -> None:
        """Give its connection back."""
        if self._subscription is not None:
            with suppress(redis.RedisError, OSError):
                self._subscription.close()
            self._subscription = None
