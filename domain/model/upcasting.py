"""Old shapes of stored events, brought to the present one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from domain.model import aggregates as _all_events_are_known  # noqa: F401
from domain.model.errors import EventNotReadable
from domain.model.event import EVENT_TYPES, Event, RecordedEvent

Payload = dict[str, Any]
Upcaster = Callable[[Payload], Payload]

#: For each (event type, schema version that is no longer written) the step to the next version. A step returns a new
#: payload and keeps the old one as it is.
UPCASTERS: dict[tuple[str, int], Upcaster] = {}


class Upcasting:
    """A chain of steps for each event type."""

    def __init__(self, event_types: Mapping[str, type[Event]], upcasters: Mapping[tuple[str, int], Upcaster]) -> None:
        self._event_types = event_types
        self._upcasters = upcasters

    def upcast(self, event_type: str, schema_version: int, payload: Payload) -> tuple[int, Payload]:
        """Return the present schema version of *event_type*, and *payload* in that shape.

        Raises EventNotReadable for a type or a version that this release doesn't know, such as one that a newer
        release wrote, and for a gap in the chain.
        """
        event_class = self._event_types.get(event_type)
        if event_class is None:
            raise self._not_readable(event_type, schema_version, "the type is unknown")
        present = event_class.schema_version
        if schema_version > present:
            raise self._not_readable(event_type, schema_version, f"it knows the versions up to {present}")
        for version in range(schema_version, present):
            step = self._upcasters.get((event_type, version))
            if step is None:
                raise self._not_readable(event_type, schema_version, f"there is no step from version {version}")
            payload = step(payload)
        return present, payload

    @staticmethod
    def _not_readable(event_type: str, schema_version: int, reason: str) -> EventNotReadable:
        return EventNotReadable(event_type=event_type, schema_version=schema_version, reason=reason)


upcast = Upcasting(EVENT_TYPES, UPCASTERS).upcast


def present(event: RecordedEvent) -> RecordedEvent:
    """Return *event* in the present shape of its type. Raises EventNotReadable."""
    if not isinstance(event.payload, dict):
        raise EventNotReadable(
            event_type=event.event_type,
            schema_version=event.schema_version,
            reason="its payload is not a JSON object that can be decoded",
        )
    version, payload = upcast(event.event_type, event.schema_version, event.payload)
    return event if version == event.schema_version else event._replace(schema_version=version, payload=payload)
