"""Telling all who keep answers what has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from domain.cache.invalidation import RedisInvalidator, raised_by
from domain.cache.l1 import L1
from domain.model.event import RecordedEvent

#: Told tenant → tag → the offset that it was raised to, after all others know.
AndThen = Callable[[Mapping[str, Mapping[str, int]]], None]


class Telling:
    """Tells this process's own memory, which would otherwise hear of it a moment later, then Redis and all others.

    Raises what Redis raises; then all of it is to be told again.
    """

    def __init__(self, shared: RedisInvalidator, own: L1, and_then: Sequence[AndThen] = ()) -> None:
        self.shared = shared
        self._own = own
        self._and_then = and_then

    def invalidate(self, events: Sequence[RecordedEvent]) -> None:
        raised = raised_by(events)
        for tenant_id, offsets in raised.items():
            if not self._own.fences.raise_(tenant_id, offsets):
                self._own.empty()
        self.shared.raise_(raised)
        for each in self._and_then:
            each(raised)

    def renew(self, tags: Mapping[str, Sequence[str]]) -> None:
        """Invalidate the tags of each tenant, whatever the position of what carries them; no tags: all it has."""
        self._own.empty()
        self.shared.renew_tags(tags)

    def renew_all(self) -> None:
        """Invalidate everything."""
        self._own.empty()
        self.shared.renew_all()

    def close(self) -> None:
        self.shared.close()
