"""Engines for tests, on events in memory."""

from __future__ import annotations

from typing import Any

from domain.model.event_log import EventLog
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.failure import Policy
from domain.read.projections import PROJECTIONS
from domain.read.watch.monitor import Monitor
from tests.story import MemoryEventLog


def engine_on(pool: Pool, log: MemoryEventLog, batch_size: int = 100, **policy: Any) -> ProjectionEngine:
    return ProjectionEngine(pool, log, PROJECTIONS, batch_size, policy=Policy(**policy))


def status_of(pool: Pool, log: EventLog) -> list[dict[str, Any]]:
    """What the status says of each projection."""
    strategies = {projection.name: "async" for projection in PROJECTIONS}
    found: list[dict[str, Any]] = Monitor(pool, log, strategies, batch_interval=60).status()["projections"]
    return found


def catch_up(engine: ProjectionEngine, log: MemoryEventLog) -> int:
    return sum(engine.catch_up(shard, seconds=60).applied for shard in log.heads())
