"""The base of all events, and an event as it is recorded in the log."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self

from domain.model.position import Position

#: Every event class by its stored type.
EVENT_TYPES: dict[str, type[Event]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to one aggregate. A subclass's fields are the payload: strings, numbers, JSON values.

    A subclass names its stored type: ``class UserRegistered(Event, type="user.registered")``. A new shape of an old
    type raises ``schema_version`` and brings an upcaster (domain/model/upcasting.py).
    """

    type: ClassVar[str]
    schema_version: ClassVar[int]

    def __init_subclass__(cls, *, type: str | None = None, schema_version: int = 1) -> None:
        # With slots=True a dataclass is made twice, the second time without the class keywords.
        if type is not None:
            cls.type, cls.schema_version = type, schema_version
        if getattr(cls, "type", None):
            EVENT_TYPES[cls.type] = cls

    def payload(self) -> dict[str, Any]:
        """The event's own data, as stored."""
        return {name: getattr(self, name) for name in _names(type(self))}  # type: ignore[arg-type]  # A class has a hash.

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Self:
        """The opposite of payload(). Raises TypeError for a payload of another shape."""
        return cls(**payload)


@cache
def _names(event_class: type[Event]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(event_class))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent(Event):
    """An event whose payload is the changed fields themselves, each with its new value."""

    changes: dict[str, Any]

    def payload(self) -> dict[str, Any]:
        return dict(self.changes)

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Self:
        return cls(changes=payload)


class RecordedEvent(NamedTuple):
    """An event in the log, upcast to its present shape. ``position`` counts within ``shard``, ``version`` within the
    aggregate, both from 1 and without gaps."""

    shard: int
    position: int
    event_id: str
    tenant_id: str
    aggregate_type: str
    aggregate_id: str
    version: int
    event_type: str
    schema_version: int
    occurred_at: datetime
    payload: dict[str, Any]
    metadata: dict[str, Any]

    @property
    def at(self) -> Position:
        return Position(self.shard, self.position)
