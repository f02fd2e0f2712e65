"""The clock's clean-up of the answers to commands with an Idempotency-Key."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import structlog

from domain.write.event_store import EventStore

log = structlog.get_logger(__name__)

#: How long an answer is kept.
KEPT = timedelta(hours=24)

#: How many are deleted in one transaction, for how many seconds in one run, and the pause that lets others through.
_BATCH, _RUN, _PAUSE = 1000, 30.0, 0.05


class Forgetting:
    """Deletes the answers that are older than KEPT, in bounded batches."""

    def __init__(self, event_store: EventStore, batch: int = _BATCH) -> None:
        self._event_store = event_store
        self._batch = batch

    def __call__(self) -> None:
        before, deadline, forgotten = datetime.now(UTC) - KEPT, time.monotonic() + _RUN, 0
        while True:
            gone = self._event_store.forget_answers(before, self._batch)
            forgotten += gone
            if gone < self._batch or time.monotonic() >= deadline:
                break
            time.sleep(_PAUSE)
        if forgotten:
            log.info("Old answers are forgotten.", answers=forgotten)
