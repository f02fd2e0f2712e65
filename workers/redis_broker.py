"""Dramatiq on Redis, as we use it."""

from __future__ import annotations

from collections.abc import Sequence

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain import redis_servers
from workers.consumer import Doorbell, WokenConsumer

#: The queue of hints about news on a shard.
QUEUE = "projections"

#: The Redis key of the shards that wait beside the one message about news, by the microsecond since when.
WAITING = "hint:waiting"


def make_client(url: str, timeout: float) -> redis.Redis:
    """Return a client that gives up after *timeout* seconds. It tries again, once, only where the connection broke."""
    return redis_servers.connect(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


class WokenBroker(RedisBroker):
    """Dramatiq's broker, whose consumers are woken by what rings at the door of their queue, whatever their timeout."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> dramatiq.Consumer:  # noqa: ARG002
        doorbell = Doorbell(self.client, f"{self.namespace}:{queue_name}")
        return WokenConsumer(super().consume(queue_name, prefetch, timeout=0), doorbell)


def make_broker(url: str, timeout: float, middleware: Sequence[dramatiq.Middleware] = ()) -> RedisBroker:
    """Return a broker with no other *middleware* than this: none of Dramatiq's own, since a hint needs no retries."""
    broker = WokenBroker(  # type: ignore[no-untyped-call]
        client=make_client(url, timeout), middleware=list(middleware)
    )
    broker.declare_queue(QUEUE)
    return broker
