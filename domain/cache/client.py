"""Connections to the cache's Redis that would rather fail than wait."""

from __future__ import annotations

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain import redis_servers
from domain.cache.cluster import Cluster
from domain.cache.epoch import STATE
from domain.cache.servers import ClusterServers, OneServer, Servers


def connect(url: str, timeout: float = 0.1) -> redis.Redis:
    """Return a client for the server that *url* leads to, of a cluster for the node with the cache's state.

    It gives up *timeout* seconds after it began to connect, or to wait for an answer. Nothing connects before it is
    used. It never tries again by itself: that is for the circuit breaker to say.
    """
    read = redis_servers.read(url)
    if read.kind == "cluster":
        return Cluster(read, **_options(timeout)).home(STATE)
    return redis_servers.connect(url, **_options(timeout))


def servers(url: str, timeout: float = 0.1) -> Servers:
    """Return where the cache's keys lie, with clients like those of connect()."""
    read = redis_servers.read(url)
    if read.kind == "cluster":
        return ClusterServers(Cluster(read, **_options(timeout)), STATE)
    return OneServer(connect(url, timeout))


def _options(timeout: float) -> dict[str, Any]:
    return {
        "protocol": 2,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # A client that is given none of its own retries for seconds.
        "retry": Retry(NoBackoff(), 0),
        # Every word of the greeting is a round trip that each new connection pays.
        "driver_info": None,
    }
