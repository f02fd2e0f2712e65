"""From events to what they make invalid, in Redis and in every process's memory."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import redis

from domain.cache.epoch import STATE, STREAM, Epoch, Names, random_id
from domain.cache.messages import Message
from domain.cache.scripts import Elsewhere, run
from domain.cache.servers import Servers
from domain.cache.tags import touched
from domain.model.event import RecordedEvent

#: How many tags of a tenant are kept before its fence is made anew, which invalidates all that it has.
MOST_TAGS = 20_000

#: How many messages the stream keeps for readers that have lost their connection.
MOST_MESSAGES = 20_000

_ATTEMPTS = 5


class Step(NamedTuple):
    """What is done to a tenant's fence."""

    script: str
    tenant_id: str
    args: list[Any]


class NotInvalidated(Exception):
    """The server moved again and again while it was told."""


def raised_by(events: Iterable[RecordedEvent]) -> dict[str, dict[str, int]]:
    """Return tenant → tag → the offset that *events* raise it to."""
    raised: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for event in events:
        tags = raised[event.tenant_id]
        for tag in touched(event):
            tags[tag] = max(tags.get(tag, 0), event.position)
    return dict(raised)


class RedisInvalidator:
    """Raises tags and tells of it; all of it is redone if the server moved meanwhile.

    On one server that is one transaction. In a cluster the tags are raised first, each on its tenant's node; then it is
    told, which fails if the names under which they were raised are not the present ones any more.

    All that invalidates raises RedisError or NotInvalidated where that could not be done; to do it again does no harm.
    """

    def __init__(self, servers: Servers) -> None:
        """The clients of *servers* may take their time: nobody waits for this."""
        self._servers = servers
        self._epoch = Epoch(servers)

    def raise_(self, raised: Mapping[str, Mapping[str, int]]) -> None:
        """Raise the tags of each tenant to the offsets, never back: to be called once the rows were committed."""
        if not raised:
            return
        steps = [
            Step("raise", tenant_id, [MOST_TAGS, *(part for pair in tags.items() for part in pair)])
            for tenant_id, tags in raised.items()
        ]
        self._publish(Message(raised), steps)

    def renew_tags(self, tags: Mapping[str, Sequence[str]]) -> None:
        """Invalidate the tags of each tenant whatever the position of what carries them; no tags: all that it has."""
        steps = [Step("renew", tenant_id, list(dropped)) for tenant_id, dropped in tags.items()]
        self._publish(Message({}, forget=True), steps)

    def renew_all(self) -> None:
        """Invalidate all that there is, as after a rebuild's cut-over; in a cluster it takes some seconds."""
        self._publish(Message({}, forget=True), [], random_id())
        if not self._servers.together:
            # Until then some may go by the epoch that they have asked for before.
            time.sleep(self._servers.lasts)

    def close(self) -> None:
        """Close the connections."""
        self._servers.close()

    def _publish(self, message: Message, steps: Sequence[Step], new_epoch: str = "") -> None:
        """Take the *steps*, then tell all processes. Raises RedisError, NotInvalidated."""
        for _ in range(_ATTEMPTS):
            state = self._epoch.known or self._epoch.again()
            if state.epoch is None:
                # Nothing can be written, so there is nothing that anybody could still find.
                return
            try:
                named = [self._named(step) for step in steps]
                replies = self._send(named, [state.epoch, message.written(), MOST_MESSAGES, new_epoch], state.run_id)
            except Elsewhere:
                replies = [[b"EPOCH"]]
            if all(reply[0] != b"EPOCH" for reply in replies):
                return
            self._epoch.again()
        raise NotInvalidated

    def _named(self, step: Step) -> tuple[Names, Step]:
        names = self._epoch.names(step.tenant_id, asked=True)
        if names is None:
            self._servers.enter(step.tenant_id)
            names = self._epoch.names(step.tenant_id, asked=True)
        if names is None:
            raise NotInvalidated
        return names, step

    def _send(self, steps: Sequence[tuple[Names, Step]], telling: list[Any], run_id: str) -> list[Any]:
        """Send all scripts; return what they say. What is told comes last, and only if nothing went wrong before."""
        if self._servers.together:
            with self._servers.home.pipeline() as pipe:
                _put(pipe, steps)
                run(pipe, "publish", run_id, [STATE, STREAM], telling)
                replies: list[Any] = pipe.execute()
                return replies
        for place, group in groupby(sorted(steps, key=_place), key=lambda each: each[0].place):
            try:
                with place.client.pipeline(transaction=False) as pipe:
                    _put(pipe, group)
                    pipe.execute()
            except redis.RedisError:
                self._servers.lost(place)
                raise
        return [run(self._servers.home, "publish", run_id, [STATE, STREAM], telling)]


def _place(each: tuple[Names, Step]) -> str:
    return each[0].place.name


def _put(pipe: Any, steps: Iterable[tuple[Names, Step]]) -> None:
    for names, step in steps:
        run(pipe, step.script, names.run_id, [names.fences, *names.state], [names.epoch, *step.args])
