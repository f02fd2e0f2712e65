"""What those who run the service do to it, whether a program asks for it or a person on the operator's page.

Each is done, told to the workers where they have to know, and logged with who asked for it.
"""

from __future__ import annotations

from typing import Any

import structlog

from domain.cache.clearing import Cleared
from domain.read.dead_letters import DeadLetter
from domain.read.projection_states import ProjectionState
from web.context import actor, container

log = structlog.get_logger(__name__)


def retry(letter_id: str) -> DeadLetter:
    """Have an event tried again at once. Raises DeadLetterNotFound."""
    letter = container().dead_letters.retry(letter_id)
    container().wake([letter.position.shard])
    log.info("A dead letter is retried.", letter=letter_id, by=actor().id)
    return letter


def retry_class(error_class: str, projection: str | None = None) -> list[DeadLetter]:
    """Have all events tried again at once that failed with one class of error.

    Raises ProjectionNotFound.
    """
    container().projection_switch.check(projection)
    letters = container().dead_letters.retry_class(error_class, projection)
    container().wake(letter.position.shard for letter in letters)
    log.info(
        "Dead letters are retried.",
        letters=len(letters),
        error_class=error_class,
        projection=projection,
        by=actor().id,
    )
    return letters


def skip(letter_id: str, reason: str) -> DeadLetter:
    """Have the event left out that fails, on record. Raises DeadLetterNotFound."""
    letter = container().dead_letters.skip(letter_id, reason, actor().id)
    container().wake([letter.position.shard])
    log.warning("An event is skipped.", letter=letter_id, at=str(letter.position), by=actor().id)
    return letter


def pause(name: str, reason: str) -> ProjectionState:
    """Have nothing more folded into a projection. Raises ProjectionNotFound."""
    return _switched(container().projection_switch.pause(name, reason, actor().id))


def resume(name: str, reason: str, *, park: bool) -> ProjectionState:
    """Let a projection go on. Raises ProjectionNotFound."""
    state = container().projection_switch.resume(name, reason, actor().id, park=park)
    container().wake(container().engine.lagging_shards())
    return _switched(state)


def _switched(state: ProjectionState) -> ProjectionState:
    log.info("A projection was switched.", projection=state.name, state=state.state, by=state.changed_by)
    return state


def invalidate(**named: Any) -> Cleared:
    """Let nothing be answered any more from what is cached now. Takes and raises what Clearing.clear() does."""
    cleared = container().caching.clearing.clear(**named)
    log.info("The cache was invalidated by hand.", by=actor().id, tenants=cleared.tenants, tags=cleared.tags)
    return cleared
