"""The event store as the command side sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from domain.model.claims import NO_CLAIMS, Claims
from domain.model.event import Event, RecordedEvent
from domain.model.event_log import EventLog
from domain.model.position import Position

#: Places of a shard that backwards() looks at for one page of a tenant that shares its shard with others.
WINDOW = 5000


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be appended: *event* is the *version*-th of its aggregate, and *claims* what it claims with it."""

    event_id: str
    aggregate_type: str
    aggregate_id: str
    version: int
    event: Event
    claims: Claims = NO_CLAIMS


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """The answer to a command that came with a *key*.

    *ordinal* names the event of the append, counted from 1, whose position becomes ``response["position"]``; it is 0
    for a command that changed nothing, whose response says the position already.
    """

    key: str
    fingerprint: str
    response: dict[str, Any]
    ordinal: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Events of one tenant, in order, and what has to hold for them to be stored.

    *expected* is the version that each named aggregate has to have, 0 for one that has no events. It may name
    aggregates that get no events: the append then depends on their not having changed.
    """

    tenant_id: str
    occurred_at: datetime
    events: Sequence[NewEvent]
    expected: Mapping[str, int]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    idempotency: Sequence[IdempotencyRecord] = ()


class Snapshot(NamedTuple):
    """An aggregate's state after *version* events, the last of which lies at the offset *position* of its shard."""

    version: int
    position: int
    schema_version: int
    state: dict[str, Any]


class History(NamedTuple):
    """What an aggregate is made of: a snapshot, where there is one, and the events after it, in order."""

    snapshot: Snapshot | None
    events: Sequence[RecordedEvent]


class Page(NamedTuple):
    """Events, the newest first. *before* is where the ones before them are to be looked for; None: there are none."""

    events: Sequence[RecordedEvent]
    before: int | None

    @classmethod
    def of(cls, events: Sequence[RecordedEvent], limit: int, unseen: int | None) -> Page:
        """A page of *events*; *unseen* is where to go on if there were not as many as *limit*."""
        return cls(events, events[-1].position if len(events) == limit else unseen)


class EventStore(EventLog, Protocol):
    """The events of all tenants, and what is decided in the transactions that append them."""

    def append(self, append: Append) -> Position:
        """Store all of it or nothing; return the position of the last event (the shard's head where there is none).

        Raises, looked at in this order: CommandAlreadyDone (with ``keys``), ConcurrencyConflict, SlugTaken or
        EmailTaken or WorkspaceNameTaken (with ``values``, all those taken), TenantNotFound, QuotaExceeded or
        PlanTooSmall (with ``resource``, ``used``, ``limit``). Unavailable when the store can't be reached.
        """

    def histories(self, tenant_id: str, wanted: Mapping[str, int]) -> dict[str, History]:
        """Return the history of each wanted aggregate of the tenant: its id → the schema version a snapshot needs."""

    def save_snapshot(self, tenant_id: str, aggregate_id: str, snapshot: Snapshot) -> None:
        """Keep *snapshot* unless a newer one is there."""

    def answered(self, tenant_id: str, keys: Sequence[str]) -> dict[str, IdempotencyRecord]:
        """Return the records of those of *keys* that were used by the tenant."""

    def forget_answers(self, before: datetime, limit: int) -> int:
        """Delete up to *limit* idempotency records made before *before*, the oldest first; return how many."""

    def backwards(self, tenant_id: str, before: int | None, limit: int, aggregate_id: str | None = None) -> Page:
        """Return up to *limit* of the tenant's events at offsets below *before* (None: from the newest on).

        Of a whole tenant no more than WINDOW places of its shard are looked at, so that a page may have few events, or
        none, and still have a *before*. *before* is what another page of the same question gave.
        """

    def tenant_of(self, aggregate_id: str) -> str | None:
        """Return the tenant that the aggregate belongs to, None where there is no such aggregate."""
