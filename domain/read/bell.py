"""A bell for each shard: it rings when the read models have moved, so that who waits for them looks again."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain import redis_servers
from domain.breaker import CircuitBreaker

log = structlog.get_logger(__name__)

#: The Redis channel; a message is the numbers of one or more shards, with blanks between them.
CHANNEL = "moved"

#: Seconds that a worker may spend on ringing, and after which a listener that can't connect tries again.
_TIMEOUT, _PAUSE = 0.1, 1.0


class Bell(Protocol):
    """What a waiter needs of it. A ring may get lost, so who waits looks by himself too."""

    @property
    def heard(self) -> bool:
        """Whether rings are heard at the moment."""

    def rings(self, shard: int) -> int:
        """Return how often it has rung for *shard*; for wait()."""

    def wait(self, shard: int, since: int, seconds: float) -> None:
        """Return as soon as it has rung for *shard* more often than *since*, or after *seconds*."""


class LocalBell:
    """Bell within one process."""

    heard = True

    def __init__(self) -> None:
        self._conditions: defaultdict[int, threading.Condition] = defaultdict(threading.Condition)
        self._rings: defaultdict[int, int] = defaultdict(int)

    def ring(self, shard: int) -> None:
        """Wake those who wait for *shard*."""
        condition = self._conditions[shard]
        with condition:
            self._rings[shard] += 1
            condition.notify_all()

    def rings(self, shard: int) -> int:
        return self._rings[shard]

    def wait(self, shard: int, since: int, seconds: float) -> None:
        condition = self._conditions[shard]
        with condition:
            condition.wait_for(lambda: self._rings[shard] > since, seconds)


class RedisBell(LocalBell):
    """Bell that is rung through Redis. One thread listens for all who wait in this process, from the first on."""

    heard = False

    def __init__(self, url: str) -> None:
        super().__init__()
        # An idle subscription is no failure, so only the look for a message has a time-out; see _hear().
        self._client: redis.Redis = _client(url, timeout=None)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ends = threading.Event()

    def wait(self, shard: int, since: int, seconds: float) -> None:
        with self._lock:
            # Not before: a process that is forked later would not have the thread.
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="bell", daemon=True)
                self._thread.start()
        super().wait(shard, since, seconds)

    def close(self) -> None:
        """End the thread."""
        self._ends.set()
        if self._thread is not None:
            # It listens, and would for a while.
            self._client.connection_pool.disconnect()
            self._thread.join(2 * _PAUSE)
        self._client.close()

    def _listen(self) -> None:
        while not self._ends.is_set():
            try:
                with self._client.pubsub() as subscription:  # type: ignore[no-untyped-call]
                    subscription.subscribe(CHANNEL)
                    while not self._ends.is_set():
                        self._hear(subscription.get_message(timeout=_PAUSE))
            except Exception as error:
                if self._ends.is_set():
                    return
                if not isinstance(error, redis.RedisError | OSError):
                    raise
                if self.heard:
                    log.warning("The bell can't be heard.", error=type(error).__name__)
                self.heard = False
                self._ends.wait(_PAUSE)

    def _hear(self, message: dict[str, object] | None) -> None:
        if message is None:
            return
        if message["type"] == "subscribe":
            self.heard = True
        elif message["type"] == "message":
            for shard in _text(message["data"]).split():
                if shard.isdecimal():
                    self.ring(int(shard))


class Ringer:
    """Rings for all processes. It never raises, and soon leaves it be while Redis can't be reached."""

    def __init__(self, url: str) -> None:
        self._client: redis.Redis = _client(url, _TIMEOUT)
        self._breaker = CircuitBreaker(failures=1, longest=2.0)

    def ring(self, shards: Iterable[int]) -> None:
        """Tell that the read models have moved on *shards*."""
        if not self._breaker.allows():
            return
        try:
            self._client.publish(CHANNEL, " ".join(map(str, shards)))
        except redis.RedisError:
            self._breaker.failed()
        else:
            self._breaker.succeeded()

    def close(self) -> None:
        self._client.close()


def _client(url: str, timeout: float | None) -> redis.Redis:
    return redis_servers.connect(
        url, socket_timeout=timeout, socket_connect_timeout=timeout or _PAUSE, retry=Retry(NoBackoff(), 0)
    )


def _text(data: object) -> str:
    return data.decode(errors="replace") if isinstance(data, bytes) else str(data)
