"""Purging the edge of what was invalidated, by following the stream that tells all processes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import redis
import urllib3

from domain.cache.edge_tags import ALL, edge_tag
from domain.cache.epoch import PREFIX, STATE, STREAM
from domain.cache.messages import Numbered

#: How long after an invalidation the edge is purged, in seconds. At once; again when every process's own memory has
#: heard of it; and again when no answer is under way any more that was read before. What comes to the edge behind a
#: purge would stay.
DELAYS = (0.0, 0.3, 7.0)

#: Bytes of tags in one request, and how many requests at most before all is purged by one.
_LONGEST, _MOST = 4000, 20

#: Messages to read at once, and milliseconds to wait for the first.
_BATCH, _BLOCK = 500, 50

#: Purges the edge of answers with one of these tags. Raises PurgeFailed.
Purge = Callable[[Sequence[str]], None]


class PurgeFailed(Exception):
    """The edge could not be told."""


class HttpPurge:
    """Sends ``PURGE`` to a URL, with the tags in the headers Surrogate-Key and Cache-Tag."""

    def __init__(self, url: str, timeout: float = 1.0) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def __call__(self, tags: Sequence[str]) -> None:
        headers = {"Surrogate-Key": " ".join(tags), "Cache-Tag": ",".join(tags)}
        try:
            response = self._pool.request("PURGE", self._url, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise PurgeFailed(type(error).__name__) from error
        if not 200 <= response.status < 300:
            raise PurgeFailed(f"it answered {response.status}")


class _Follower:
    """Goes through the stream behind everybody else by a fixed time, and remembers in Redis how far it has got."""

    def __init__(self, client: redis.Redis, purge: Purge, delay: float) -> None:
        self._client = client
        self._purge = purge
        self._delay = delay
        self._cursor = f"{PREFIX}{{all}}:purged:{delay:g}"

    def step(self) -> None:
        """Purge what is due. Raises RedisError and PurgeFailed; then it is done again."""
        stream, messages, seconds = self._state()
        if stream is None:
            return
        place: Any = self._client.hmget(self._cursor, "stream", "id", "number")
        if place[0] != stream:
            # The first time, or the stream is another one, and what the old one told last is not known.
            self._begin(stream, messages)
            return
        found: Any = self._client.xrange(STREAM, min=b"(" + place[1], max=self._due(seconds), count=_BATCH)
        last = int(place[2])
        if not found:
            if not self._delay and last < messages and not self._client.xrange(STREAM, min=b"(" + place[1], count=1):
                self._begin(stream, messages)
            return
        tags: dict[str, None] = {}
        for id, fields in found:
            numbered = _read(id, fields)
            if numbered is None or numbered.number != last + 1 or numbered.stream != stream.decode():
                # Some have been trimmed before they were seen.
                self._begin(stream, messages)
                return
            last = numbered.number
            tags |= dict.fromkeys(_tags(numbered))
        self._send(list(tags))
        self._client.hset(self._cursor, mapping={"id": found[-1][0], "number": last})

    def _state(self) -> tuple[bytes | None, int, float]:
        with self._client.pipeline() as pipe:
            pipe.hmget(STATE, "stream", "messages")
            pipe.time()
            (stream, messages), (seconds, micros) = pipe.execute()
        return stream, int(messages or 0), seconds + micros / 1e6

    def _due(self, now: float) -> str:
        return "+" if not self._delay else f"{int((now - self._delay) * 1000)}"

    def _begin(self, stream: bytes, messages: int) -> None:
        """Purge everything, and go on from here."""
        last: Any = self._client.xrevrange(STREAM, count=1)
        numbered = _read(*last[0]) if last else None
        place: dict[Any, Any] = {"stream": stream, "id": last[0][0] if last else b"0-0"}
        self._purge([ALL])
        self._client.hset(self._cursor, mapping=place | {"number": numbered.number if numbered else messages})

    def _send(self, tags: Sequence[str]) -> None:
        requests = list(_fitting(tags))
        if ALL in tags or len(requests) > _MOST:
            requests = [[ALL]]
        for each in requests:
            self._purge(each)


class EdgePurges:
    """Follows the stream for a while each time it is called, at the clock's bidding: so one process does it for all.

    Where it stands lies in Redis, so nothing is forgotten by a process that dies, and what can't be sent now is sent
    later. An edge that does not answer holds up nothing else; its answers end by their own max-age.
    """

    def __init__(self, client: redis.Redis, purge: Purge, delays: Sequence[float] = DELAYS) -> None:
        self._client = client
        self._followers = [_Follower(client, purge, delay) for delay in delays]

    def __call__(self, seconds: float = 1.0) -> None:
        """Purge what is due for so many *seconds*. Raises RedisError, PurgeFailed."""
        ends = time.monotonic() + seconds
        while True:
            for follower in self._followers:
                follower.step()
            if time.monotonic() >= ends:
                return
            # Whatever comes wakes it.
            self._client.xread({STREAM: "$"}, count=1, block=_BLOCK)


def _read(id: bytes, fields: Any) -> Numbered | None:
    try:
        return Numbered.read(id, fields)
    except (KeyError, ValueError):
        return None


def _tags(numbered: Numbered) -> Iterable[str]:
    if numbered.message.forget:
        # It doesn't say what.
        return [ALL]
    raised = numbered.message.raised
    return [edge_tag(tenant_id, tag) for tenant_id, tags in raised.items() for tag in tags]


def _fitting(tags: Sequence[str]) -> Iterable[list[str]]:
    """Return *tags* in groups that fit into a header."""
    group: list[str] = []
    length = 0
    for tag in tags:
        if group and length + len(tag) > _LONGEST:
            yield group
            group, length = [], 0
        group.append(tag)
        length += len(tag) + 1
    if group:
        yield group
