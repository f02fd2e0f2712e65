"""What has gone wrong just now that nobody but this process can know: no table tells of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, get_args

#: ``disk_full``: PostgreSQL could not write. ``unknown_key``: a token was signed with a key that is not, or no longer,
#: known. ``keys_unavailable``: no key could be fetched that a token is verified with, so nobody was let in.
#: ``unreadable``: an answer in Redis that no key of ours opens, or that is damaged.
Trouble = Literal["disk_full", "unknown_key", "keys_unavailable", "unreadable"]

#: All of them.
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)

#: Seconds for which it is remembered, and how often at most.
_REMEMBERED, _MOST = 60.0, 1000


class Recent(NamedTuple):
    """How often something went wrong in the last minute, and how many seconds ago it last did."""

    times: int
    ago: float


class Troubles:
    """Remembers the last minute. May be told by any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[Trouble, deque[float]] = {name: deque(maxlen=_MOST) for name in TROUBLES}

    def happened(self, trouble: Trouble) -> None:
        self._times[trouble].append(self._clock())

    def said(self) -> dict[str, tuple[int, float]]:
        """Return what Recent has of each trouble of the last minute, as JSON can have it."""
        now = self._clock()
        recent = {name: [at for at in list(times) if now - at < _REMEMBERED] for name, times in self._times.items()}
        return {name: (len(times), round(now - times[-1], 1)) for name, times in recent.items() if times}


def all_troubles(processes: Iterable[Mapping[str, Any]]) -> dict[str, Recent]:
    """Return the troubles of all *processes* together, by what each says."""
    found: dict[str, Recent] = {}
    for said in processes:
        for name, (times, ago) in said.get("troubles", {}).items():
            before = found.get(name)
            found[name] = Recent(times, ago) if before is None else Recent(before.times + times, min(before.ago, ago))
    return found
