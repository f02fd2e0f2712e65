"""From events to what they make invalid, in Redis and in every process's memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import redis

from domain.cache.epoch import STATE, STREAM, Epoch, random_id
from domain.cache.messages import Message
from domain.cache.scripts import Elsewhere, run
from domain.cache.tags import touched
from domain.model.event import RecordedEvent

#: How many tags of a tenant are kept before its fence is made anew, which invalidates all that it has.
MOST_TAGS = 20_000

#: How many messages the stream keeps for readers that have lost their connection.
MOST_MESSAGES = 20_000

_ATTEMPTS = 5

#: What puts scripts into a pipeline.
Tell = Callable[[Any], None]


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
    """Raises tags and tells of it in one transaction; all of it is redone if the server moved meanwhile.

    What the projection engine calls after it has committed.
    """

    def __init__(self, client: redis.Redis) -> None:
        """*client* may take its time: nobody waits for this."""
        self._client = client
        self._epoch = Epoch(client)

    def invalidate(self, shard: int, events: Sequence[RecordedEvent]) -> None:  # noqa: ARG002
        """Make invalid what *events* have changed, after their rows were committed; once more does no harm.

        Raises RedisError or NotInvalidated if that could not be done.
        """
        self.raise_(raised_by(events))

    def raise_(self, raised: Mapping[str, Mapping[str, int]]) -> None:
        """Raise the tags of each tenant to the offsets, never back."""
        if not raised:
            return

        def tell(pipe: Any) -> None:
            for tenant_id, tags in raised.items():
                self._run(pipe, "raise", tenant_id, [MOST_TAGS, *(part for pair in tags.items() for part in pair)])

        self._publish(Message(raised), tell)

    def renew_tags(self, tags: Mapping[str, Sequence[str]]) -> None:
        """Invalidate the tags of each tenant whatever the position of what carries them; no tags: all that it has."""

        def tell(pipe: Any) -> None:
            for tenant_id, dropped in tags.items():
                self._run(pipe, "renew", tenant_id, list(dropped))

        self._publish(Message({}, forget=True), tell)

    def renew_all(self) -> None:
        """Invalidate all that there is, as after a rebuild's cut-over."""
        self._publish(Message({}, forget=True), lambda *_: None, random_id())

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _publish(self, message: Message, tell: Tell, new_epoch: str = "") -> None:
        """Do what *tell* puts into the pipe, then tell all processes. Raises RedisError, NotInvalidated."""
        for _ in range(_ATTEMPTS):
            state = self._epoch.known or self._epoch.again()
            if state.epoch is None:
                # Nothing can be written, so there is nothing that anybody could still find.
                return
            with self._client.pipeline() as pipe:
                tell(pipe)
                args = [state.epoch, message.written(), MOST_MESSAGES, new_epoch]
                run(pipe, "publish", state.run_id, [STATE, STREAM], args)
                try:
                    replies = pipe.execute()
                except Elsewhere:
                    replies = [[b"EPOCH"]]
            if all(reply[0] != b"EPOCH" for reply in replies):
                return
            self._epoch.again()
        raise NotInvalidated

    def _run(self, pipe: Any, script: str, tenant_id: str, args: list[Any]) -> None:
        names = self._epoch.names(tenant_id)
        if names is None:
            raise NotInvalidated
        run(pipe, script, names.run_id, [names.fences, STATE], [names.epoch, *args])
