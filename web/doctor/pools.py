"""How many connections to PostgreSQL the processes may open, from their threads and the sizes of their pools."""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

from domain.postgres.pool import KEPT
from domain.settings import Settings


class Kind(NamedTuple):
    """A kind of process: its *threads* that use connections, and for what; *more* are connections beside the pools."""

    threads: int
    uses: frozenset[str]
    more: int = 0


_ALL = frozenset({"commands", "projections", "queries"})

#: As the Procfile starts them. Beside its 8 threads a web process has its cache's housekeeping, which asks how far
#: invalidation is behind. Beside its 4 a worker has its pulse. The clock has a thread for each of up to 12 jobs, its
#: pulse and that housekeeping, and one connection more that holds its lock.
WEB = Kind(9, _ALL)
WORKER = Kind(5, frozenset({"commands", "projections"}))
CLOCK = Kind(14, _ALL, more=1)


def most_connections(settings: Settings, uses: Set[str]) -> int:
    """Return how many connections one release of web, one worker and one clock open at most to a server for *uses*.

    A thread uses one connection at a time of whichever pool, and each other pool may keep its idle ones beside that.
    """
    synchronous = "sync" in {settings.projection_strategy.usual, *settings.projection_strategy.named.values()}
    web = _of(WEB, uses) + (KEPT if synchronous and "projections" in uses else 0)
    return settings.web_concurrency * web + _of(WORKER, uses) + _of(CLOCK, uses)


def _of(kind: Kind, uses: Set[str]) -> int:
    pools = len(kind.uses & uses)
    beside = kind.more if "commands" in uses else 0
    return kind.threads + min(KEPT, kind.threads) * (pools - 1) + beside if pools else beside
