"""Whether the cache may be read at all."""

from __future__ import annotations

from collections.abc import Callable

#: Seconds that invalidation may be behind before answers come from the database again.
BEHIND = 5.0


class Health:
    """A flag that is cheap to read, set by those who look into it from time to time."""

    def __init__(self, behind: Callable[[], float] | None = None) -> None:
        """*behind* returns for how many seconds the oldest change that was not invalidated has been committed."""
        self._behind = behind
        self._late = False
        self._unwritable = False
        #: Whether answers may be taken from the cache.
        self.readable = True

    def look(self) -> None:
        """Ask how far invalidation is behind. What can't be asked stays as it was: then nothing is changed either."""
        if self._behind is not None:
            self._late = self._behind() > BEHIND
            self._decide()

    def writable(self, is_it: bool) -> None:
        """What can't be written to can't be told of invalidations, so it must not be read."""
        self._unwritable = not is_it
        self._decide()

    def _decide(self) -> None:
        self.readable = not (self._late or self._unwritable)
