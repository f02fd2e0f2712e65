from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from domain.model.errors import EventNotReadable
from domain.model.event import Event
from domain.model.upcasting import Upcasting, upcast


@pytest.fixture
def upcasting(event_types: dict[str, type[Event]]) -> Upcasting:
    """Of an event that was stored as one name, then as a list of names, and today with a count of them."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named(Event, type="thing.named", schema_version=3):
        names: list[str]
        count: int

    return Upcasting(
        {"thing.named": event_types["thing.named"]},
        {
            ("thing.named", 1): lambda payload: {"names": [payload["name"]]},
            ("thing.named", 2): lambda payload: {**payload, "count": len(payload["names"])},
        },
    )


@pytest.mark.parametrize(
    ("version", "payload", "present"),
    [
        (1, {"name": "a"}, {"names": ["a"], "count": 1}),
        (2, {"names": ["a", "b"]}, {"names": ["a", "b"], "count": 2}),
        (3, {"names": [], "count": 0}, {"names": [], "count": 0}),
    ],
)
def test_each_old_version_goes_up_all_the_steps_that_it_lacks(
    upcasting: Upcasting, event_types: dict[str, type[Event]], version: int, payload: Any, present: Any
) -> None:
    before = dict(payload)
    assert upcasting.upcast("thing.named", version, payload) == (3, present)
    assert event_types["thing.named"].from_payload(present).payload() == present
    assert payload == before


@pytest.mark.parametrize(
    ("event_type", "version", "said"),
    [
        ("thing.named", 4, "can't read thing.named of version 4: it knows the versions up to 3"),
        ("thing.named", 0, "there is no step from version 0"),
        ("thing.lost", 1, "can't read thing.lost of version 1: the type is unknown"),
    ],
)
def test_what_this_release_does_not_know_is_refused_in_plain_words(
    upcasting: Upcasting, event_type: str, version: int, said: str
) -> None:
    with pytest.raises(EventNotReadable, match=said):
        upcasting.upcast(event_type, version, {})


def test_a_gap_in_the_chain_is_seen(event_types: dict[str, type[Event]]) -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named(Event, type="thing.named", schema_version=3):
        pass

    gap = Upcasting(event_types, {("thing.named", 1): dict})
    with pytest.raises(EventNotReadable, match="there is no step from version 2"):
        gap.upcast("thing.named", 1, {})


def test_the_events_that_are_stored_today_stay_as_they_are() -> None:
    assert upcast("workspace.deleted", 1, {"deleted_by": "x"}) == (1, {"deleted_by": "x"})
    with pytest.raises(EventNotReadable):
        upcast("workspace.deleted", 2, {})
