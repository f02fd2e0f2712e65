"""The whole of the service: its parts together, and all reasons not to call it healthy."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from domain.bootstrap import Container
from domain.read.watch.health import Reason, Verdict
from domain.read.watch.troubles import troubles
from domain.telemetry.troubles import all_troubles
from web.health import checks

_DATABASE_REMEDY = (
    "Bring PostgreSQL back at {setting}: look whether it runs, has space on its disk and takes connections."
)
_REDIS_REMEDY = (
    "Bring Redis back at REDIS_URL. Until then all is answered and folded, from the database and by the clock."
)
_CACHE_REMEDY = "Bring Redis back at CACHE_REDIS_URL. Until then the database answers, as soon as it can."


class Whole(NamedTuple):
    """The verdict; why it isn't healthy, the worst first; how each part is; and what Monitor.status() says, if anything
    can be said."""

    verdict: Verdict
    reasons: list[Reason]
    parts: dict[str, checks.Part]
    status: dict[str, Any] | None


def whole(container: Container) -> Whole:
    """Look at all parts. Never raises for one that is down, and waits for none that hangs."""
    vital = {
        "write_database": (container.write_pool, "DATABASE_URL"),
        "read_database": (container.read_pool, "READ_DATABASE_URL"),
        "query_database": (container.query_pool, "READ_REPLICA_URL"),
    }
    looks = {name: partial(checks.database, pool) for name, (pool, _) in vital.items()}
    looks["redis"] = partial(checks.redis, container.settings.redis_url)
    if own_cache := container.settings.cache_redis_url != container.settings.redis_url:
        looks["cache_redis"] = partial(checks.redis, container.settings.cache_redis_url)
    parts = checks.together(container, looks)
    redis_is_up = parts["redis"]["status"] == checks.UP
    parts.setdefault("cache_redis", parts["redis"])
    reasons = [
        Reason("unhealthy", f"{name} does not answer", _DATABASE_REMEDY.format(setting=setting))
        for name, (_, setting) in vital.items()
        if parts[name]["status"] != checks.UP
    ]
    status = None
    if reasons:
        parts["projections"] = {"status": checks.UNKNOWN}
    else:
        look = partial(checks.projections, container.monitor, redis_is_up)
        found = checks.asking(container).ask({"projections": look})["projections"]
        parts["projections"], reasons, status = found or checks.no_projections(TimeoutError())
    told = all_troubles(container.telemetry.look().processes.values())
    reasons = sorted([*reasons, *troubles(told)], key=lambda reason: reason.verdict != "unhealthy")
    if not redis_is_up:
        reasons = [*reasons, Reason("degraded", "redis does not answer", _REDIS_REMEDY)]
    if own_cache and parts["cache_redis"]["status"] != checks.UP:
        reasons = [*reasons, Reason("degraded", "cache_redis does not answer", _CACHE_REMEDY)]
    return Whole(reasons[0].verdict if reasons else "healthy", reasons, parts, status)
