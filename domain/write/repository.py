"""Aggregates out of the event store."""

from __future__ import annotations

from typing import NamedTuple

import structlog

from domain.model.aggregate import Aggregate
from domain.model.aggregates import AGGREGATES
from domain.model.position import Position, shard_of
from domain.write.event_store import EventStore, History, Snapshot
from domain.write.serialization import domain_event

log = structlog.get_logger(__name__)

#: A snapshot is kept each time an aggregate's version passes a multiple of this.
SNAPSHOT_EVERY = 100

#: What a snapshot is of, by which an id is told that belongs to something else of the tenant; and the state itself.
_TYPE, _STATE = "aggregate_type", "state"


class Loaded(NamedTuple):
    """An aggregate and the position of its last event; the offset is 0 for one that has none."""

    aggregate: Aggregate
    position: Position


class Repository:
    """Loads aggregates from their last snapshot and the events after it, and keeps new snapshots."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def load(self, tenant_id: str, *wanted: tuple[str, str]) -> list[Loaded]:
        """Return the aggregates that *wanted* names by type and id, all of one moment."""
        if not wanted:
            return []
        versions = {id: AGGREGATES[type].snapshot_version for type, id in wanted}
        histories = self._store.histories(tenant_id, versions)
        return [self._rebuild(tenant_id, type, id, histories[id]) for type, id in wanted]

    def _rebuild(self, tenant_id: str, type: str, id: str, history: History) -> Loaded:
        made, offset = AGGREGATES[type](id), 0
        if history.snapshot:
            version, offset, _, state = history.snapshot
            if state[_TYPE] != type:
                return new(type, id, tenant_id)
            made = AGGREGATES[type].from_snapshot(id, version, state[_STATE])
        for event in history.events:
            if event.aggregate_type != type:
                # The id belongs to something else of the tenant: there is no such aggregate of this type.
                return new(type, id, tenant_id)
            made.apply(domain_event(event))
            offset = event.position
        return Loaded(made, Position(shard_of(tenant_id), offset))

    def keep_snapshots(self, tenant_id: str, aggregate: Aggregate, before: int, position: Position) -> None:
        """Keep a snapshot of *aggregate*, whose version was *before*, if one is due. An aid only: it never fails."""
        if before // SNAPSHOT_EVERY == aggregate.version // SNAPSHOT_EVERY:
            return
        state = {_TYPE: aggregate.aggregate_type, _STATE: aggregate.to_snapshot()}
        snapshot = Snapshot(aggregate.version, position.offset, aggregate.snapshot_version, state)
        try:
            self._store.save_snapshot(tenant_id, aggregate.id, snapshot)
        except Exception as error:
            # The events are stored, and whoever sent the command must hear of that.
            log.warning("A snapshot could not be kept.", aggregate=aggregate.id, error=type(error).__name__)


def new(type: str, id: str, tenant_id: str) -> Loaded:
    """An aggregate to which nothing has happened yet."""
    return Loaded(AGGREGATES[type](id), Position(shard_of(tenant_id), 0))
