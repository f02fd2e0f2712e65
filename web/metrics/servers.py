"""How the two Redis servers are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import redis
from prometheus_client.core import Metric

from web.metrics.families import counter, gauge
from workers.redis_broker import QUEUE, WAITING, make_client

#: Seconds to wait for the broker.
_TIMEOUT = 0.5


def memory(server: str, info: dict[str, Any]) -> Iterator[Metric]:
    """Make the metrics of what *server* says of itself."""
    for name, text, value in (
        ("used_bytes", "Memory that Redis uses", info["used_memory"]),
        ("max_bytes", "Memory that Redis may use; 0: as much as there is", info["maxmemory"]),
        ("clients", "Connections to Redis", info["connected_clients"]),
    ):
        yield gauge(f"cqrs_redis_{name}", text, ("server",), {(server,): value})
    yield counter(
        "cqrs_redis_evicted_keys",
        "Keys that Redis has evicted",
        ("server",),
        {(server,): info["evicted_keys"]},
    )


def broker(url: str) -> Iterator[Metric]:
    """Ask the broker at *url* for itself and its queues. Raises RedisError."""
    with _client(url).pipeline(transaction=False) as pipe:
        pipe.llen(f"dramatiq:{QUEUE}")
        pipe.zcard(f"dramatiq:{QUEUE}.XQ")
        pipe.zcard(WAITING)
        pipe.info()
        waiting, dead, shards, info = pipe.execute()
    yield gauge(
        "cqrs_broker_messages",
        "Messages in the broker's queues: those that wait for a worker, and those that no worker could do",
        ("queue", "state"),
        {(QUEUE, "waiting"): waiting, (QUEUE, "dead"): dead},
    )
    yield gauge(
        "cqrs_broker_waiting_shards",
        "Shards with news that wait for the worker who takes the message about another one's",
        (),
        {(): shards},
    )
    yield from memory("broker", info)


@cache
def _client(url: str) -> redis.Redis:
    return make_client(url, _TIMEOUT)
