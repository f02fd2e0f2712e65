"""Driving rebuilds on. What is done lies in the database, so it doesn't matter who does it, or who dies at it."""

from __future__ import annotations

import structlog

from domain.read.errors import is_transient
from domain.read.rebuild.rebuilder import Rebuilder
from domain.read.watch.processes import Processes
from workers.hints import HintSender

log = structlog.get_logger(__name__)

#: Threads that work on a rebuild where there is one worker: while one folds, PostgreSQL works for the other.
_HANDS = 2

#: A rebuild is given up after this many seconds, so that others get their turn.
_TURN = 0.5


def lend_a_hand(rebuilder: Rebuilder, projection: str) -> bool:
    """Drive the rebuild of *projection* on for one turn; return whether there is more to do for us."""
    try:
        return rebuilder.drive(projection, seconds=_TURN)
    except Exception as error:
        if is_transient(error):
            # The clock asks again.
            log.warning("A rebuild can't go on now.", projection=projection, reason=str(error).strip())
        else:
            log.exception("A rebuild can't go on.", projection=projection)
        return False


class Rebuilding:
    """Asks the workers to go on with each rebuild that has not ended; where nobody can be asked, the clock goes on.

    As many hands are asked for as there are workers. Each begins on other shards, so that they share the work.
    """

    def __init__(self, rebuilder: Rebuilder, processes: Processes, hints: HintSender) -> None:
        self._rebuilder = rebuilder
        self._processes = processes
        self._hints = hints

    def __call__(self) -> None:
        if not (running := self._rebuilder.running()):
            return
        hands = max(_HANDS, sum(process.kind == "worker" for process in self._processes.alive()))
        for projection in running:
            asked = [self._hints.send_rebuild(projection, hand) for hand in range(hands)]
            if not any(asked):
                lend_a_hand(self._rebuilder, projection)
