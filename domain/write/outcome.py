"""What a command comes with beside itself, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain import tracing
from domain.model.actor import Actor
from domain.model.errors import (
    CommandAlreadyDone,
    ConcurrencyConflict,
    DomainError,
    IdempotencyKeyReused,
    Unavailable,
    VersionMismatch,
)
from domain.model.position import Position
from domain.write.event_store import IdempotencyRecord


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The Idempotency-Key of a request, and what tells that request from another one with the same key."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Where a command comes from; kept with its events."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None

    def of(self, command: str, actor: Actor) -> dict[str, Any]:
        """What is stored with each event of the command."""
        return {
            "correlation_id": self.correlation_id,
            "causation_id": self.causation_id,
            "actor_id": actor.id,
            "command": command,
            # What is folded later goes on from here.
            "traceparent": tracing.traceparent() or self.traceparent,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """The aggregate's id, its version now, and the position of its last event.

    *replayed* tells that an earlier request with the same Idempotency-Key did the work.
    """

    id: str
    version: int
    position: Position
    replayed: bool = False

    def record(self, idempotency: Idempotency, ordinal: int) -> IdempotencyRecord:
        """What the store keeps of this outcome; *ordinal* as in IdempotencyRecord."""
        answer = {"id": self.id, "version": self.version, "position": str(self.position)}
        return IdempotencyRecord(idempotency.key, idempotency.fingerprint, answer, ordinal)

    @classmethod
    def replay(cls, record: IdempotencyRecord, asked: Idempotency) -> Outcome:
        """The outcome that was kept. Raises IdempotencyKeyReused when it was another request's."""
        if record.fingerprint != asked.fingerprint:
            raise IdempotencyKeyReused()
        answer = record.response
        return cls(answer["id"], answer["version"], Position.parse(answer["position"]), replayed=True)


def outcome_class(result: Outcome | Exception) -> str:
    """Return what became of a command, as it is counted; see domain.telemetry.names.COMMAND."""
    match result:
        case Outcome():
            return "replayed" if result.replayed else "done"
        case ConcurrencyConflict() | VersionMismatch() | CommandAlreadyDone():
            return "conflict"
        case DomainError() if not isinstance(result, Unavailable):
            return "refused"
        case _:
            return "failed"
