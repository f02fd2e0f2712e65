"""The last hour: what all processes had counted every few seconds, and what that makes of rates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypedDict

import orjson
import redis

from domain.telemetry import names
from domain.telemetry.board import PREFIX
from domain.telemetry.counters import Summed
from domain.telemetry.histogram import histogram, quantile
from domain.telemetry.ratios import asked, hits

#: Seconds between two samples, and how many are kept, one of them to begin with.
INTERVAL, KEPT = 10, 361

#: Seconds for which the samples are kept after the last one.
_EXPIRY = 3900

_KEY = f"{PREFIX}:history"

#: Events and seconds that each projection is behind.
Lags = Mapping[str, tuple[int, float]]


class Quantiles(TypedDict):
    """Seconds; None where nothing happened."""

    p50: float | None
    p95: float | None
    p99: float | None


class Point(TypedDict):
    """What happened in the *seconds* up to *at*, which is in seconds since 1970, by the clock of Redis.

    *lag*: ``events`` and ``seconds`` of each projection. A ratio is None where nobody asked: of ``l1`` those who came
    to a process's memory, of ``l2`` those who went on to Redis, ``all`` as in the statistics of the cache.
    """

    at: float
    seconds: float
    commands_per_second: float
    queries_per_second: float
    events_per_second: float
    errors_per_second: float
    hit_ratio: dict[str, float | None]
    query_seconds: Quantiles
    command_seconds: Quantiles
    lag: dict[str, dict[str, float]]


def sample(counters: Summed, lags: Lags) -> dict[str, Any]:
    """Return what is kept of *counters*, which are those of all processes since ever."""
    queries = histogram(counters.get(names.QUERY, {}).values())
    commands = histogram(counters.get(names.COMMAND, {}).values())
    http = counters.get(names.HTTP, {})
    return {
        "queries": queries.buckets,
        "commands": commands.buckets,
        "events": counters.get(names.LOG, {}).get("events", {}).get("appended", 0),
        "errors": sum(cell.get("n", 0) for label, cell in http.items() if label.endswith("/5xx")),
        "hits": {level: hits(counters, level) for level in ("l1", "l2")},
        "asked": {level: asked(counters, level) for level in ("l1", "l2")},
        "lag": {name: list(lag) for name, lag in lags.items()},
    }


class History:
    """The samples, in one key that ends by itself. Losing it is harmless."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._last: list[dict[str, Any]] = []

    def add(self, sample: dict[str, Any]) -> None:
        """Raises RedisError."""
        seconds, microseconds = self._client.time()
        with self._client.pipeline() as pipe:
            pipe.rpush(_KEY, orjson.dumps({"at": seconds + microseconds / 1e6, **sample}))
            pipe.ltrim(_KEY, -KEPT, -1)
            pipe.expire(_KEY, _EXPIRY)
            pipe.execute()

    def samples(self) -> list[dict[str, Any]]:
        """Return all samples, the oldest first; those that were last read while Redis is away."""
        try:
            found: Any = self._client.lrange(_KEY, 0, -1)
        except (redis.RedisError, OSError):
            return self._last
        self._last = [orjson.loads(each) for each in found]
        return self._last


def points(samples: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Return what happened between each two of *samples*."""
    return [_point(before, after) for before, after in pairwise(samples) if after["at"] > before["at"]]


def _point(before: Mapping[str, Any], after: Mapping[str, Any]) -> Point:
    seconds = after["at"] - before["at"]
    queries = _risen(before["queries"], after["queries"])
    commands = _risen(before["commands"], after["commands"])
    events, errors = _risen((before["events"], before["errors"]), (after["events"], after["errors"]))
    found = {level: _risen([before["hits"][level]], [n])[0] for level, n in after["hits"].items()}
    wanted = {level: _risen([before["asked"][level]], [n])[0] for level, n in after["asked"].items()}
    # What is missed in memory is asked of Redis, so that whoever asked is there once more.
    everybody = found["l1"] + wanted["l2"]
    return {
        "at": after["at"],
        "seconds": round(seconds, 3),
        "commands_per_second": _rate(sum(commands), seconds),
        "queries_per_second": _rate(sum(queries), seconds),
        "events_per_second": _rate(events, seconds),
        "errors_per_second": _rate(errors, seconds),
        "hit_ratio": {
            "all": _ratio(sum(found.values()), everybody),
            **{level: _ratio(found[level], wanted[level]) for level in found},
        },
        "query_seconds": _quantiles(queries),
        "command_seconds": _quantiles(commands),
        "lag": {name: {"events": events, "seconds": late} for name, (events, late) in after["lag"].items()},
    }


def _risen(before: Iterable[int], after: Iterable[int]) -> list[int]:
    """Return by how much each counter has risen. One that Redis has lost begins anew."""
    return [now - then if now >= then else now for then, now in zip(before, after, strict=True)]


def _rate(n: float, seconds: float) -> float:
    return round(n / seconds, 3)


def _ratio(part: int, of: int) -> float | None:
    return round(part / of, 4) if of else None


def _quantiles(buckets: Sequence[int]) -> Quantiles:
    return {"p50": quantile(buckets, 0.5), "p95": quantile(buckets, 0.95), "p99": quantile(buckets, 0.99)}
