"""Waiting until the read models show what the client has seen already."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from domain.model.errors import AggregateParked, ProjectionPaused, Unavailable
from domain.model.event_log import EventLog
from domain.model.position import Position, shard_of
from domain.postgres.pool import Pool
from domain.postgres.statements import statements
from domain.read.bell import Bell
from domain.telemetry.counters import Counters
from domain.telemetry.names import WAIT

#: Seconds between two looks, at first and at most: while the bell is not heard, and while it is.
_UNHEARD, _HEARD = (0.002, 0.02), (0.02, 0.1)

#: Seconds after which to ask again for what somebody has to look after first.
_LOOKED_AFTER = 30

#: No tenant: what is parked is not looked at.
_NO_TENANT = None


class About(NamedTuple):
    """What a query asks about: the tenant, and the aggregate in it unless it is a list."""

    tenant_id: str
    aggregate_id: str | None = None


class Waiter:
    """Waits on the database that the queries read, which may be a replica."""

    def __init__(
        self,
        pool: Pool,
        event_log: EventLog,
        bell: Bell,
        limit: int | None = None,
        counters: Counters | None = None,
    ) -> None:
        """No more than *limit* wait at a time. How each wait ends is counted by *counters*."""
        self._pool = pool
        self._event_log = event_log
        self._bell = bell
        self._limit = limit
        self._counters = counters or Counters()
        self._lock = threading.Lock()
        self._waiting = 0

    def wait(self, position: Position, projections: Sequence[str], timeout: float, about: About | None = None) -> bool:
        """Return True as soon as all *projections* have reached *position*, or False after *timeout* seconds.

        What can't be shown by waiting is told at once: False for a position that no event has yet, which no command
        can have told either. Raises ProjectionPaused, and AggregateParked if the aggregate that the query is *about*,
        or the one that the event at *position* belongs to, is parked for one of the projections. Raises Unavailable
        when too many wait.
        """
        began, ended = time.monotonic(), "refused"
        try:
            ended = "reached" if (reached := self._wait(position, projections, timeout, about)) else "late"
        finally:
            self._counters.observe(WAIT, ended, time.monotonic() - began)
        return reached

    def _wait(self, position: Position, projections: Sequence[str], timeout: float, about: About | None) -> bool:
        deadline = time.monotonic() + timeout
        rings = self._bell.rings(position.shard)
        if self._reached(position, projections, about):
            return True
        if self._is_past_the_end(position):
            return False
        with self._place():
            pause, longest = _HEARD if self._bell.heard else _UNHEARD
            while (left := deadline - time.monotonic()) > 0:
                self._bell.wait(position.shard, rings, min(pause, left))
                # Looked at before the database: a ring that comes in between is not missed.
                rings, before = self._bell.rings(position.shard), rings
                if self._reached(position, projections, about):
                    return True
                # After a ring the next look is soon, since a replica may be a moment late.
                pause = _UNHEARD[0] if rings != before else min(pause * 1.5, longest)
        return False

    def _is_past_the_end(self, position: Position) -> bool:
        """Whether no event has *position* yet. One who made positions up could take all places with them."""
        try:
            return position.offset > self._event_log.head(position.shard)
        except Unavailable:
            # The read models are asked without the event store, and may have got there before it is back.
            return False

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._lock:
            if self._limit is not None and self._waiting >= self._limit:
                raise Unavailable(reason="too many requests wait for the read models")
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def _reached(self, position: Position, projections: Sequence[str], about: About | None) -> bool:
        asked = [about.aggregate_id] if about and about.aggregate_id else []
        reached, paused, any_parked, parked = self._standing(position, projections, about, asked)
        if any_parked and parked is None and (writer := self._writer(position)) is not None:
            # The client wants to see what it wrote, also in a list or a summary of many aggregates.
            _, _, _, parked = self._standing(position, projections, about, [writer])
        if parked is not None:
            raise _parked(position, *parked)
        if reached < position.offset and paused is not None:
            raise ProjectionPaused(position=position, projection=paused, retry_after=_LOOKED_AFTER)
        return reached >= position.offset

    def _standing(
        self, position: Position, projections: Sequence[str], about: About | None, aggregates: Sequence[str]
    ) -> tuple[int, str | None, bool, tuple[str, str | None] | None]:
        # A position of another tenant's shard says nothing about what is parked in this one.
        tenant = about.tenant_id if about and shard_of(about.tenant_id) == position.shard else _NO_TENANT
        with self._pool.cursor() as cursor:
            cursor.execute(
                _SQL,
                {
                    "tenant_id": tenant,
                    "shard": position.shard,
                    "offset": position.offset,
                    "projections": list(projections),
                    "aggregates": list(aggregates),
                },
            )
            row = cursor.fetchone() or (0, None, False, None)
        return row[0] or 0, row[1], row[2], row[3]

    def _writer(self, position: Position) -> str | None:
        """Return the aggregate that the event at *position* belongs to."""
        events = self._event_log.read(position.shard, position.offset - 1, 1)
        return events[0].aggregate_id if events and events[0].position == position.offset else None


def _parked(position: Position, aggregate_id: str, seconds: str | None) -> AggregateParked:
    if seconds is None:
        prospect, retry_after = "Somebody has to look after it first.", _LOOKED_AFTER
    else:
        prospect, retry_after = "It is tried again by itself.", max(1, math.ceil(float(seconds)))
    return AggregateParked(
        position=position, aggregate_id=aggregate_id, prospect=prospect, retry_after=min(retry_after, 3600)
    )


_TEXTS = statements("domain.read.sql")

# Sent together, so the tenant is forgotten afterwards. Row-level security hides what is parked in all others.
_SQL = "SELECT set_config('app.tenant_id', coalesce(%(tenant_id)s, ''), true);\n" + _TEXTS["standing"].format(
    position=_TEXTS["position"]
)
