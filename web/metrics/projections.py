"""How the projections, the workers and the clock are: the numbers of the status endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from prometheus_client.core import Metric

from domain.bootstrap import Container
from domain.read.rebuild.errors import RebuildNotFound
from web.metrics.families import gauge, single

#: A metric of each projection: its name, its help, and the number in the status.
_NUMBERS = (
    ("lag_events", "Events that a projection has not applied yet", "lag"),
    ("lag_seconds", "For how many seconds the oldest event that is not applied has waited", "lag_seconds"),
    ("allowance_seconds", "How long an event may wait by the projection's strategy: for a tick", "allowance_seconds"),
    ("position", "Events that a projection has applied on all shards: the sum of its checkpoints", "applied"),
    ("parked", "Aggregates that wait for another attempt", "parked"),
    ("dead_letters", "Aggregates that stand still until somebody looks after them", "dead"),
    ("retries", "Attempts beyond the first of what stands still now", "retries"),
)

#: In which ways checkpoints may be off: the state, and the number in the status.
_SHARDS = (("behind", "shards_behind"), ("still", "shards_still"), ("diverged", "shards_diverged"))


def projections(container: Container) -> Iterator[Metric]:
    """Ask both databases. Raises what psycopg2 raises."""
    status = container.monitor.status()
    found: list[Mapping[str, Any]] = status["projections"]
    for name, text, number in _NUMBERS:
        values: dict[tuple[str, ...], Any] = {(each["projection"],): each[number] for each in found}
        yield gauge(f"cqrs_projection_{name}", text, ("projection",), values)
    yield gauge(
        "cqrs_projection_shards",
        "Checkpoints that are behind their log, those that stand still although they should move, and those past it",
        ("projection", "state"),
        {(each["projection"], state): each[number] for each in found for state, number in _SHARDS},
    )
    yield gauge(
        "cqrs_projection_paused",
        "1 while a projection is paused: by the engine, which needs somebody, or by an operator",
        ("projection", "by"),
        {
            (each["projection"], by): float(bool(each["paused"]) and (by == "engine") == bool(each["paused"]["error"]))
            for each in found
            for by in ("engine", "operator")
        },
    )
    verified = {(each["projection"],): each["last_verification"] for each in found if each["last_verification"]}
    yield gauge(
        "cqrs_projection_drifted",
        "Aggregates whose rows differ from their events, in the last verification",
        ("projection",),
        {(each["projection"],): (each["last_verification"] or {}).get("drifted", 0) for each in found},
    )
    yield gauge(
        "cqrs_projection_verified_seconds",
        "Seconds since a sample of a projection was last verified",
        ("projection",),
        {key: each["seconds_ago"] for key, each in verified.items()},
    )
    yield single("cqrs_workers_alive", "Workers that live", len(status["workers"]))
    clock = status["clock"]
    leads = clock["leader"] is not None
    yield single("cqrs_clocks_alive", "Clocks that live", leads + clock["standing_by"])
    yield single("cqrs_clock_leader", "1 while a clock works", float(leads))
    yield from _jobs(clock["jobs"])
    yield from _rebuilds(container, [each["projection"] for each in found])


def _jobs(jobs: list[Mapping[str, Any]]) -> Iterator[Metric]:
    yield gauge(
        "cqrs_clock_job_failures_in_a_row",
        "How often a job of the clock has failed since it last succeeded",
        ("job",),
        {(job["job"],): job["failed_in_a_row"] for job in jobs},
    )
    yield gauge(
        "cqrs_clock_job_running_seconds",
        "For how many seconds a job of the clock has been running; 0 where it isn't",
        ("job",),
        {(job["job"],): job["begun_seconds_ago"] if job["running"] else 0 for job in jobs},
    )
    yield gauge(
        "cqrs_clock_job_last_success_seconds",
        "Seconds since the run of a job of the clock that last succeeded ended",
        ("job",),
        {(job["job"],): job["succeeded_seconds_ago"] for job in jobs},
    )


def _rebuilds(container: Container, names: list[str]) -> Iterator[Metric]:
    latest = {}
    for name in names:
        with suppress(RebuildNotFound):
            latest[name] = container.rebuilder.progress(name)
    yield gauge(
        "cqrs_rebuild_running",
        "1 while a projection is being rebuilt",
        ("projection",),
        {(name,): float(name in latest and latest[name]["running"]) for name in names},
    )
    yield gauge(
        "cqrs_rebuild_progress_ratio",
        "Which part of the events the latest rebuild of a projection has folded",
        ("projection",),
        {
            (name,): min(1.0, progress["folded"] / progress["events"]) if progress["events"] else 1.0
            for name, progress in latest.items()
        },
    )
