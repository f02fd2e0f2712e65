"""The event store in memory: for tests, and as the plain statement of what the one on PostgreSQL does."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from domain.model.errors import CommandAlreadyDone, ConcurrencyConflict, PlanTooSmall, QuotaExceeded, TenantNotFound
from domain.model.event import RecordedEvent
from domain.model.event_log import Interest
from domain.model.position import Position, shard_of
from domain.write.event_store import WINDOW, Append, EventStore, History, IdempotencyRecord, Page, Snapshot
from domain.write.refusals import taken
from domain.write.serialization import address, opens_tenant, usage


class MemoryEventStore(EventStore):
    """EventStore in one process's memory."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._logs: defaultdict[int, list[RecordedEvent]] = defaultdict(list)
        self._reserved: dict[tuple[Any, ...], str] = {}
        self._usage: dict[str, dict[str, int]] = {}
        self._answers: dict[tuple[str, str], tuple[IdempotencyRecord, datetime]] = {}
        self._snapshots: dict[str, tuple[str, Snapshot]] = {}

    def append(self, append: Append) -> Position:
        with self._lock:
            return self._append(append)

    def _append(self, append: Append) -> Position:
        shard = shard_of(append.tenant_id)
        log = self._logs[shard]
        self._check(append)
        reserved = self._new_reservations(append)
        new_usage = self._new_usage(append)
        first = len(log) + 1
        metadata = _copy(dict(append.metadata))
        log.extend(
            RecordedEvent(
                shard,
                first + index,
                new.event_id,
                append.tenant_id,
                new.aggregate_type,
                new.aggregate_id,
                new.version,
                new.event.type,
                new.event.schema_version,
                append.occurred_at,
                _copy(new.event.payload()),
                metadata,
            )
            for index, new in enumerate(append.events)
        )
        self._reserved = reserved
        if new_usage:
            self._usage[append.tenant_id] = new_usage
        for record in append.idempotency:
            response = dict(record.response)
            if record.ordinal:
                response["position"] = str(Position(shard, first + record.ordinal - 1))
            kept = IdempotencyRecord(record.key, record.fingerprint, response)
            self._answers[append.tenant_id, record.key] = (kept, datetime.now(UTC))
        return Position(shard, len(log))

    def _check(self, append: Append) -> None:
        if done := [record.key for record in append.idempotency if (append.tenant_id, record.key) in self._answers]:
            raise CommandAlreadyDone(keys=done)
        log = self._logs[shard_of(append.tenant_id)]
        for id, expected in append.expected.items():
            actual = sum(1 for event in log if event.aggregate_id == id)
            if actual != expected:
                raise ConcurrencyConflict(aggregate_id=id, expected=expected, actual=actual)

    def _new_usage(self, append: Append) -> dict[str, int] | None:
        opens = opens_tenant(append)
        change = usage((new.claims for new in append.events), opens)
        if change is None:
            return None
        present = {"users": 0, "workspaces": 0} if opens else self._usage.get(append.tenant_id)
        if present is None:
            raise TenantNotFound()
        result = {name: present[name] + change[name] for name in ("users", "workspaces")}
        for name in ("users", "workspaces"):
            limit = change[f"max_{name}"]
            result[f"max_{name}"] = present[f"max_{name}"] if limit is None else limit
        for name in ("users", "workspaces"):
            if result[name] > result[f"max_{name}"]:
                error = QuotaExceeded if change["max_users"] is None else PlanTooSmall
                raise error(resource=name, used=present[name], limit=result[f"max_{name}"])
        return result

    def _new_reservations(self, append: Append) -> dict[tuple[Any, ...], str]:
        reserved = dict(self._reserved)
        for new in append.events:
            for gone in new.claims.release:
                reserved.pop(tuple(address(gone, append.tenant_id).values()), None)
        conflicts = []
        for new in append.events:
            for wanted in new.claims.reserve:
                if reserved.setdefault(tuple(address(wanted, append.tenant_id).values()), new.aggregate_id) != (
                    new.aggregate_id
                ):
                    conflicts.append({"scope": wanted.scope, "value": wanted.value})
        if conflicts:
            raise taken(conflicts)
        return reserved

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> list[RecordedEvent]:
        with self._lock:
            events = self._logs[shard][after : after + limit]
        return events if only is None else only.within(events)

    def read_aggregate(self, shard: int, aggregate_id: str, after_version: int, limit: int) -> list[RecordedEvent]:
        with self._lock:
            log = self._logs[shard]
            return [e for e in log if e.aggregate_id == aggregate_id and e.version > after_version][:limit]

    def occurred(self, places: Collection[Position]) -> dict[Position, datetime]:
        found = {place: self.read(place.shard, place.offset - 1, 1) for place in places}
        return {place: events[0].occurred_at for place, events in found.items() if events}

    def ids(self, places: Collection[Position]) -> dict[Position, str]:
        found = {place: self.read(place.shard, place.offset - 1, 1) for place in places}
        return {place: events[0].event_id for place, events in found.items() if events}

    def head(self, shard: int) -> int:
        with self._lock:
            return len(self._logs[shard])

    def heads(self) -> dict[int, int]:
        with self._lock:
            return {shard: len(log) for shard, log in self._logs.items() if log}

    def histories(self, tenant_id: str, wanted: Mapping[str, int]) -> dict[str, History]:
        with self._lock:
            return {id: self._history(tenant_id, id, version) for id, version in wanted.items()}

    def _history(self, tenant_id: str, aggregate_id: str, snapshot_version: int) -> History:
        owner, snapshot = self._snapshots.get(aggregate_id, (None, None))
        if snapshot and (owner != tenant_id or snapshot.schema_version != snapshot_version):
            snapshot = None
        after = snapshot.version if snapshot else 0
        log = self._logs[shard_of(tenant_id)]
        events = [e for e in log if e.aggregate_id == aggregate_id and e.tenant_id == tenant_id and e.version > after]
        return History(snapshot, events)

    def save_snapshot(self, tenant_id: str, aggregate_id: str, snapshot: Snapshot) -> None:
        with self._lock:
            _, kept = self._snapshots.get(aggregate_id, (None, None))
            if kept is None or kept.version < snapshot.version or kept.schema_version != snapshot.schema_version:
                self._snapshots[aggregate_id] = (tenant_id, snapshot._replace(state=_copy(snapshot.state)))

    def answered(self, tenant_id: str, keys: Sequence[str]) -> dict[str, IdempotencyRecord]:
        with self._lock:
            return {key: self._answers[tenant_id, key][0] for key in keys if (tenant_id, key) in self._answers}

    def forget_answers(self, before: datetime, limit: int) -> int:
        with self._lock:
            old = sorted((made, key) for key, (_, made) in self._answers.items() if made < before)[:limit]
            for _, key in old:
                del self._answers[key]
            return len(old)

    def backwards(self, tenant_id: str, before: int | None, limit: int, aggregate_id: str | None = None) -> Page:
        with self._lock:
            log = self._logs[shard_of(tenant_id)]
            before = len(log) + 1 if before is None else before
            lowest = 1 if aggregate_id else max(before - WINDOW, 1)
            events = [
                event
                for event in reversed(log[lowest - 1 : max(before - 1, 0)])
                if event.tenant_id == tenant_id and aggregate_id in (None, event.aggregate_id)
            ]
        return Page.of(events[:limit], limit, None if lowest == 1 else lowest)

    def tenant_of(self, aggregate_id: str) -> str | None:
        with self._lock:
            events = (event for log in self._logs.values() for event in log)
            return next((event.tenant_id for event in events if event.aggregate_id == aggregate_id), None)


def _copy(value: dict[str, Any]) -> dict[str, Any]:
    """A copy that went through JSON, as one that was stored."""
    copied: dict[str, Any] = orjson.loads(orjson.dumps(value))
    return copied
