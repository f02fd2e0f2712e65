"""What is told of each batch: counts, a line in the log where it was folded and where the cache heard of it, a span."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from domain import logs, tracing
from domain.model.event import RecordedEvent
from domain.model.position import Position
from domain.telemetry.counters import Counters
from domain.telemetry.names import BATCH, FOLD

log = logging.getLogger(__name__)

#: So many different correlation ids are in a line. A batch of the usual size has no more events.
MOST_IDS = 100

_NONE: AbstractContextManager[Any] = nullcontext()


class Batch(NamedTuple):
    """What was folded into some projections: all events of *shard* past the offset *after* up to *upto*, of which
    *events* are at hand."""

    shard: int
    projections: Sequence[str]
    after: int
    upto: int
    events: Sequence[RecordedEvent]

    @property
    def size(self) -> int:
        """How many events it has; a log has no gaps."""
        return self.upto - self.after


def folded(batches: Sequence[Batch], seconds: float, counters: Counters) -> None:
    """Count *batches*, and say that they are in the rows now; the transaction took so many *seconds*."""
    for batch in batches:
        for name in batch.projections:
            counters.count(FOLD, name, "events", batch.size)
            counters.count(FOLD, name, "batches")
        _say("batch", batch, seconds, projections=sorted(batch.projections))
    if batches:
        counters.observe(BATCH, "batch", seconds)


def told(events: Sequence[RecordedEvent], seconds: float) -> None:
    """Say that no answer is given any more that was made before *events*, which are of one shard."""
    first, last = events[0], events[-1]
    _say("invalidation", Batch(first.shard, (), first.position - 1, last.position, events), seconds)


def shards(found: Iterable[RecordedEvent]) -> tracing.Attributes:
    """Return how a span names the shard of the events *found*, or the shards."""
    several = sorted({event.shard for event in found})
    return {"cqrs.shard": several[0]} if len(several) == 1 else {"cqrs.shards": several}


def span(batches: Sequence[Batch], began: int) -> AbstractContextManager[Any]:
    """Lend the span of a turn that *began* at a time in nanoseconds and has folded *batches*."""
    if not (batches and tracing.is_on()):
        return _NONE
    events = [event for batch in batches for event in batch.events]
    attributes: tracing.Attributes = {
        **shards(events),
        "cqrs.projections": sorted({name for batch in batches for name in batch.projections}),
        "cqrs.events": sum(batch.size for batch in batches),
    }
    return tracing.batch("fold", attributes, list(_stored(events, "traceparent")), began)


def _stored(events: Sequence[RecordedEvent], name: str) -> dict[str, None]:
    """Return the different values of *name* in the metadata of *events*, in order. What can't be decoded is no dict."""
    metadata = (event.metadata for event in events if isinstance(event.metadata, dict))
    return dict.fromkeys(value for each in metadata if (value := each.get(name)))


def _say(what: str, batch: Batch, seconds: float, **more: Any) -> None:
    # Asked first, since putting a line together costs more than folding many an event.
    if not log.isEnabledFor(logging.INFO):
        return
    ids = list(_stored(batch.events, "correlation_id"))
    left_out = {"more_correlation_ids": len(ids) - MOST_IDS} if len(ids) > MOST_IDS else {}
    logs.say(
        __name__,
        logging.INFO,
        what,
        **more,
        shard=batch.shard,
        events=batch.size,
        first=str(Position(batch.shard, batch.after + 1)),
        last=str(Position(batch.shard, batch.upto)),
        duration_ms=round(seconds * 1000, 2),
        correlation_ids=ids[:MOST_IDS],
        **left_out,
    )
