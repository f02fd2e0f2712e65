"""Looks at single parts. Each returns a dict with its ``status``, and never raises.

What a server that hangs is asked takes as long as that: whoever answers a probe looks at them together().
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from redis import Redis

from domain.bootstrap import Container
from domain.cache.client import connect
from domain.postgres.pool import Pool
from domain.read.watch import health
from domain.read.watch.health import Reason
from domain.read.watch.monitor import Monitor
from migrations.revisions import Side, revisions
from web.asking import Asking

log = structlog.get_logger(__name__)

UP = "up"
DOWN = "down"
UNKNOWN = "unknown"

Part = dict[str, Any]


#: By container, what asks its parts, so that each is asked once at a time.
_asking: WeakKeyDictionary[Container, Asking[Any]] = WeakKeyDictionary()


def together(container: Container, looks: Mapping[str, Callable[[], Part]]) -> dict[str, Part]:
    """Return what each of *looks* at the parts of *container* says; one that takes too long is down."""
    found = asking(container).ask(looks)
    return {name: part or _down(name, TimeoutError()) for name, part in found.items()}


def asking(container: Container) -> Asking[Any]:
    return _asking.setdefault(container, Asking("health"))


def database(pool: Pool) -> Part:
    """Whether *pool* has a connection that answers."""
    try:
        with pool.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:
        return _down("PostgreSQL", error)
    return {"status": UP}


def schema(pool: Pool, side: Side) -> Part:
    """Whether the schema of *side* is there, and no older than this release."""
    try:
        with pool.cursor() as cursor:
            cursor.execute(f"SELECT version_num FROM {side}_schema.alembic_version")  # noqa: S608 - One of two words.
            present = {row[0] for row in cursor.fetchall()}
    except Exception as error:
        return _down(f"{side}_schema", error)
    older, newest = revisions(side)
    # What this release doesn't know was made by a newer one, whose migrations are safe for this one.
    return {"status": UP if present - older or newest <= present else DOWN}


def redis(url: str) -> Part:
    """Whether Redis answers."""
    try:
        _redis(url).ping()
    except Exception as error:
        return _down("Redis", error)
    return {"status": UP}


Projections = tuple[Part, list[Reason], dict[str, Any] | None]


def projections(monitor: Monitor, redis_is_up: bool) -> Projections:
    """How the projections are: up, degraded or unhealthy; why; and the status endpoint's numbers that say so."""
    try:
        status = monitor.status()
    except Exception as error:
        return no_projections(error)
    reasons = health.reasons(status, redis=redis_is_up)
    named = {
        each["projection"]: {name: each[name] for name in ("state", "lag", "lag_seconds")}
        for each in status["projections"]
    }
    return {"status": reasons[0].verdict if reasons else UP, "projections": named}, reasons, status


def no_projections(error: Exception) -> Projections:
    """What there is to say where their state can't be read."""
    return _down("The projections' status", error), [_UNREADABLE], None


_UNREADABLE = Reason(
    "unhealthy",
    "the projections' state can't be read",
    "Look whether read_schema is migrated (`python -m migrations upgrade`), and at this process's log.",
)


def _down(what: str, error: Exception) -> Part:
    log.warning("A part does not answer", part=what, error=type(error).__name__)
    return {"status": DOWN}


@cache
def _redis(url: str) -> Redis:
    # A cluster is up as far as everybody needs it: the node with the cache's state.
    return connect(url, 0.25)
