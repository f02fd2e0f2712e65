"""Connections to the cache's Redis that would rather fail than wait."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain import redis_servers


def connect(url: str, timeout: float = 0.1) -> redis.Redis:
    """Return a client for the server that *url* leads to. It gives up *timeout* seconds after it began to connect, or
    to wait for an answer.

    Nothing connects before it is used. It never tries again by itself: that is for the circuit breaker to say.
    """
    return redis_servers.connect(
        url,
        protocol=2,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        # A client that is given none of its own retries for seconds.
        retry=Retry(NoBackoff(), 0),
        # Every word of the greeting is a round trip that each new connection pays.
        driver_info=None,
    )
