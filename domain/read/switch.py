"""Pausing and resuming projections by hand."""

from __future__ import annotations

from collections.abc import Iterable

from domain.model.errors import NotFound
from domain.postgres.pool import Pool
from domain.read.projection_states import ProjectionState, ProjectionStates
from domain.read.row_store import Statement, execute

#: How many seconds a projection that was resumed to do so parks whatever fails.
_PARKS_FOR = 600.0


class ProjectionNotFound(NotFound):
    """There is no such projection."""


class ProjectionSwitch:
    """Switches projections off and on. Workers that have a batch in hand finish it first."""

    def __init__(self, pool: Pool, projections: Iterable[str], schema: str = "read_schema") -> None:
        self._pool = pool
        self._names = frozenset(projections)
        self._states = ProjectionStates(schema)

    def check(self, name: str | None) -> None:
        """Raise ProjectionNotFound if *name* is given and no projection is called so."""
        if name is not None and name not in self._names:
            raise ProjectionNotFound

    def paused(self) -> list[str]:
        """Return the projections that are paused, in alphabetical order."""
        with self._pool.cursor() as cursor:
            return self._states.paused(cursor, self._names)

    def pause(self, name: str, reason: str, who: str) -> ProjectionState:
        """Fold nothing more into the projection until somebody resumes it. Raises ProjectionNotFound."""
        return self._switch(name, self._states.pause(name, reason, who))

    def resume(self, name: str, reason: str, who: str, *, park: bool = False) -> ProjectionState:
        """Let it go on. With *park* it is not paused again for ten minutes, however many aggregates fail: they are
        parked one by one. Raises ProjectionNotFound."""
        return self._switch(name, self._states.resume(name, reason, who, _PARKS_FOR if park else 0.0))

    def _switch(self, name: str, statement: Statement) -> ProjectionState:
        self.check(name)
        with self._pool.transaction() as cursor:
            # What the engine commits may be lost in a crash, since it is folded again. This could not be made up for.
            execute(cursor, [("SET LOCAL synchronous_commit = on", ()), statement])
            return self._states.all(cursor, [name])[name]
