from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.model import aggregates as _all_events_are_known  # noqa: F401
from domain.model.event import EVENT_TYPES, Event


@pytest.fixture
def event_types() -> Iterator[dict[str, type[Event]]]:
    """The event types, among which a test may declare others: they are gone after it."""
    before = dict(EVENT_TYPES)
    yield EVENT_TYPES
    EVENT_TYPES.clear()
    EVENT_TYPES.update(before)
