"""Every shape in which an event was ever stored can be read. stored_events/ has a sample of each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.model.event import EVENT_TYPES, Event
from domain.model.upcasting import UPCASTERS, upcast

SAMPLES = Path(__file__).parent / "stored_events"
STORED = {path.name.removesuffix(".json") for path in SAMPLES.iterdir()}


def shapes(event_types: Mapping[str, type[Event]]) -> set[str]:
    """Return the names that the samples of all versions of *event_types* have."""
    return {
        f"{event_type}.v{version}"
        for event_type, event_class in event_types.items()
        for version in range(1, event_class.schema_version + 1)
    }


def test_every_type_and_version_has_a_sample_and_every_sample_a_type_and_version() -> None:
    assert shapes(EVENT_TYPES) == STORED


def test_a_type_and_a_version_without_a_sample_are_seen(event_types: dict[str, type[Event]]) -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Renamed(Event, type="tenant.updated", schema_version=2):
        name: str

    @dataclass(frozen=True, slots=True, kw_only=True)
    class _Moved(Event, type="tenant.moved"):
        pass

    assert event_types["tenant.updated"] is Renamed
    assert shapes(event_types) - STORED == {"tenant.updated.v2", "tenant.moved.v1"}


@pytest.mark.parametrize("shape", sorted(STORED))
def test_a_sample_is_upcast_and_read(shape: str) -> None:
    # Given a payload as it was stored
    event_type, version = re.fullmatch(r"(.+)\.v(\d+)", shape).groups()  # type: ignore[union-attr]
    stored = json.loads((SAMPLES / f"{shape}.json").read_text())
    # When it is read
    present, payload = upcast(event_type, int(version), stored)
    event = EVENT_TYPES[event_type].from_payload(payload)
    # Then it is an event of today, with nothing lost on the way back
    assert present == event.schema_version
    assert event.payload() == payload
    assert event.type == event_type


def test_every_step_is_for_a_type_that_there_is() -> None:
    assert {event_type for event_type, _ in UPCASTERS} <= set(EVENT_TYPES)
