"""What stands still as JSON values, over HTTP and on the command line alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.model.event import RecordedEvent
from domain.read.dead_letters import DeadLetter, Inspection
from domain.read.projection_states import ProjectionState
from domain.read.skips import Skip
from web.context import container


def page(**asked: Any) -> dict[str, Any]:
    """Return what DeadLetters.page() does, and raise what it does; also ProjectionNotFound, for a name that is none."""
    container().projection_switch.check(asked.get("projection"))
    found = container().dead_letters.page(**asked)
    return {"dead_letters": [dead_letter(each) for each in found.letters], "next_cursor": found.next_cursor}


def dead_letter(letter: DeadLetter) -> dict[str, Any]:
    times = {name: value and value.isoformat() for name, value in letter._asdict().items() if name.endswith("_at")}
    return {**letter._asdict(), "position": str(letter.position), **times}


def inspection(found: Inspection) -> dict[str, Any]:
    event = {**_event(found.event), "payload": found.event.payload, "metadata": found.event.metadata}
    return {
        **dead_letter(found.letter),
        "error_trace": found.trace,
        "event": event,
        "waiting_events": [_event(each) for each in found.waiting],
        "more_waiting": found.more,
    }


def _event(event: RecordedEvent) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "event_type": event.event_type,
        "schema_version": event.schema_version,
        "version": event.version,
        "position": str(event.at),
        "occurred_at": event.occurred_at.isoformat(),
    }


def skips(**asked: Any) -> dict[str, Any]:
    """Return what Skips.page() does, and raise what it does; also ProjectionNotFound, for a name that is none."""
    container().projection_switch.check(asked.get("projection"))
    found = container().skips.page(**asked)
    return {"skipped_events": [skip(each) for each in found.skips], "next_cursor": found.next_cursor}


def skip(skipped: Skip) -> dict[str, Any]:
    return {
        **skipped._asdict(),
        "position": str(skipped.position),
        "skipped_at": skipped.skipped_at.isoformat(),
    }


def waiting(letters: Sequence[DeadLetter]) -> str:
    """Return in words when *letters* are tried that wait for a paused projection; nothing where all are at once."""
    projections = {letter.projection for letter in letters}
    paused = [name for name in container().projection_switch.paused() if name in projections]
    if not paused:
        return ""
    names, (they, are) = " and ".join(paused), ("it", "is") if len(paused) == 1 else ("they", "are")
    if len(paused) < len(projections):
        return f"at once, those of {names} once {they} {are} resumed ({they} {are} paused)"
    return f"once {names} {are} resumed ({they} {are} paused)"


def projection_state(state: ProjectionState) -> dict[str, Any]:
    return {
        "projection": state.name,
        "state": state.state,
        "reason": state.reason,
        "changed_by": state.changed_by,
        "since": state.since and state.since.isoformat(),
    }
