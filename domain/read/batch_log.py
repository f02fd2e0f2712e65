"""What is told of each batch: a line in the log where it was folded and where the cache heard of it, and a span."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from domain import logs, tracing
from domain.model.event import RecordedEvent

log = logging.getLogger(__name__)

#: So many different correlation ids are in a line. A batch of the usual size has no more events.
MOST_IDS = 100

_NONE: AbstractContextManager[Any] = nullcontext()


def folded(shard: int, projections: Sequence[str], events: Sequence[RecordedEvent], seconds: float) -> None:
    """Say that *events* are in the rows of *projections* now; the transaction took so many *seconds*."""
    _say("batch", shard, events, seconds, projections=sorted(projections))


def told(shard: int, events: Sequence[RecordedEvent], seconds: float) -> None:
    """Say that no answer is given any more that was made before *events*."""
    _say("invalidation", shard, events, seconds)


def span(
    shard: int, projections: Sequence[Sequence[str]], batches: Sequence[Sequence[RecordedEvent]], began: int
) -> AbstractContextManager[Any]:
    """Lend the span of a turn that *began* at a time in nanoseconds and has folded *batches* into *projections*."""
    if not (batches and tracing.is_on()):
        return _NONE
    events = [event for each in batches for event in each]
    names = sorted({name for each in projections for name in each})
    attributes: tracing.Attributes = {"cqrs.shard": shard, "cqrs.projections": names, "cqrs.events": len(events)}
    return tracing.batch("fold", attributes, list(_stored(events, "traceparent")), began)


def _stored(events: Sequence[RecordedEvent], name: str) -> dict[str, None]:
    """Return the different values of *name* in the metadata of *events*, in order. What can't be decoded is no dict."""
    metadata = (event.metadata for event in events if isinstance(event.metadata, dict))
    return dict.fromkeys(value for each in metadata if (value := each.get(name)))


def _say(what: str, shard: int, events: Sequence[RecordedEvent], seconds: float, **more: Any) -> None:
    # Asked first, since putting a line together costs more than folding many an event.
    if not log.isEnabledFor(logging.INFO):
        return
    ids = list(_stored(events, "correlation_id"))
    left_out = {"more_correlation_ids": len(ids) - MOST_IDS} if len(ids) > MOST_IDS else {}
    logs.say(
        __name__,
        logging.INFO,
        what,
        **more,
        shard=shard,
        events=len(events),
        first=str(events[0].at),
        last=str(events[-1].at),
        duration_ms=round(seconds * 1000, 2),
        correlation_ids=ids[:MOST_IDS],
        **left_out,
    )
