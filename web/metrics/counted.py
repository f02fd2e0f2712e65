"""What all processes have counted together. Any process gives the same answer for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from domain.postgres import failure_class
from domain.read.projections import PROJECTIONS
from domain.telemetry import names
from domain.telemetry.counters import Summed
from domain.telemetry.histogram import histogram
from domain.telemetry.ratios import LEVELS, hit_ratio
from web.limits import FAILED
from web.metrics.families import counter, gauge, means, times
from web.token_refusals import REASONS

#: What may become of aggregates and projections that something fails in; see domain.telemetry.names.FOLD.
_FAILURES = ("parked", "failed_again", "dead", "released", "paused", "trial_failed")

_POOLS = ("write", "read", "query", "synchronous")


def counted(counters: Summed) -> Iterator[Metric]:
    """Make the metrics of *counters*, which are those of all processes since they were first counted."""
    yield from _requests(counters)
    yield from _projections(counters)
    yield from _cache(counters)
    yield counter(
        "cqrs_database_errors",
        "Errors that tell of PostgreSQL itself, by the pool of connections that met them",
        ("pool", "error"),
        {
            (pool, kind): counters.get(names.DATABASE, {}).get(pool, {}).get(kind, 0)
            for pool in _POOLS
            for kind in failure_class.KINDS
        },
    )
    yield counter(
        "cqrs_tokens_refused",
        "Tokens that were refused",
        ("reason",),
        {(reason,): counters.get(names.TOKEN, {}).get("refused", {}).get(reason, 0) for reason in REASONS},
    )
    level, query, event = FAILED
    yield counter(
        "cqrs_rate_limits_failed_exchanges",
        "Exchanges with Redis that did not come about, four a second while a process with requests counts alone",
        (),
        {(): counters.get(level, {}).get(query, {}).get(event, 0)},
    )


def _requests(counters: Summed) -> Iterator[Metric]:
    yield means(
        "cqrs_http_request_duration_seconds",
        "How long requests took, by route and class of status",
        ("method", "route", "status"),
        {_http(label): cell for label, cell in counters.get(names.HTTP, {}).items()},
    )
    yield times(
        "cqrs_query_duration_seconds",
        "How long an answer took to be found, by the query's type and where it was",
        ("query", "source"),
        {_query(label): [cell] for label, cell in counters.get(names.QUERY, {}).items()},
    )
    yield gauge(
        "cqrs_query_improvement_ratio",
        "Mean time of loading an answer out of the database, divided by that of an answer that a cache had, both since "
        "they were first counted. What a service without read models would take is not in it",
        ("query",),
        _improvements(counters),
    )
    yield times(
        "cqrs_command_duration_seconds",
        "How long commands took, by their name and what became of them",
        ("command", "outcome"),
        {tuple(label.split("/")): [cell] for label, cell in counters.get(names.COMMAND, {}).items()},
    )
    yield times(
        "cqrs_position_wait_duration_seconds",
        "How long queries waited for their Min-Position, by how that ended",
        ("outcome",),
        {(outcome,): [cell] for outcome, cell in counters.get(names.WAIT, {}).items()},
    )
    yield counter(
        "cqrs_events_appended",
        "Events appended to the logs",
        (),
        {(): counters.get(names.LOG, {}).get("events", {}).get("appended", 0)},
    )
    yield counter(
        "cqrs_hints",
        "Hints to the workers: sent, spared since one was waiting, lost, taken by a worker",
        ("actor", "outcome"),
        {(actor, what): n for actor, cell in counters.get(names.HINT, {}).items() for what, n in cell.items()},
    )
    yield means(
        "cqrs_clock_job_duration_seconds",
        "How long the jobs of the clock took, by how they ended",
        ("job", "outcome"),
        {tuple(label.rsplit("/", 1)): cell for label, cell in counters.get(names.JOB, {}).items()},
    )


def _projections(counters: Summed) -> Iterator[Metric]:
    folded = {each.name: counters.get(names.FOLD, {}).get(each.name, {}) for each in PROJECTIONS}
    for what, text in (("events", "Events folded"), ("batches", "Batches folded")):
        yield counter(
            f"cqrs_projection_{what}",
            f"{text} into the tables of a projection",
            ("projection",),
            {(name,): cell.get(what, 0) for name, cell in folded.items()},
        )
    yield counter(
        "cqrs_projection_failures",
        "What became of aggregates whose events could not be folded (parked, failed_again, dead, released), and how "
        "often a projection paused itself (paused, trial_failed)",
        ("projection", "outcome"),
        {(name, what): cell.get(what, 0) for name, cell in folded.items() for what in _FAILURES},
    )
    yield times(
        "cqrs_projection_batch_duration_seconds",
        "How long a transaction of the engine took, with all projections of a shard",
        (),
        {(): counters.get(names.BATCH, {}).values()},
    )


def _cache(counters: Summed) -> Iterator[Metric]:
    cells = {(level, query): cell for level in LEVELS for query, cell in counters.get(level, {}).items()}
    yield counter(
        "cqrs_cache_events",
        "What happened in the cache",
        ("level", "query", "event"),
        {
            (*key, event): n
            for key, cell in cells.items()
            for event, n in cell.items()
            if event not in ("load_us", "bytes")
        },
    )
    yield counter(
        "cqrs_cache_load_seconds",
        "Time spent loading answers out of the database",
        ("level", "query"),
        {key: cell["load_us"] / 1e6 for key, cell in cells.items() if "load_us" in cell},
    )
    yield counter(
        "cqrs_cache_stored_bytes",
        "Bytes stored in Redis",
        ("level", "query"),
        {key: cell["bytes"] for key, cell in cells.items() if "bytes" in cell},
    )
    queries = {query for _, query in cells} - {"all"}
    ratios: dict[tuple[str, ...], float | None] = {
        (query,): hit_ratio({level: {query: cell} for (level, of), cell in cells.items() if of == query})
        for query in queries
    }
    yield gauge(
        "cqrs_cache_hit_ratio",
        "Which part of those who asked were answered by a cache, since they were first counted",
        ("query",),
        {**ratios, ("all",): hit_ratio(counters)},
    )


def _improvements(counters: Summed) -> dict[tuple[str, ...], float | None]:
    found: dict[tuple[str, ...], float | None] = {}
    for query, cell in counters.get("load", {}).items():
        answered = counters.get(names.QUERY, {})
        cached = histogram(answered.get(f"{query}/{level}", {}) for level in ("l1", "l2")).mean
        if cell.get("load") and cached:
            found[(query,)] = cell.get("load_us", 0) / 1e6 / cell["load"] / cached
    return found


def _http(label: str) -> tuple[str, ...]:
    method, _, rest = label.partition(" ")
    return method, *rest.rsplit("/", 1)


def _query(label: str) -> tuple[str, ...]:
    query, level = label.rsplit("/", 1)
    return query, _SOURCES.get(level, level)


#: What the levels of the cache are called where one looks for an answer's source.
_SOURCES: Mapping[str, str] = {"load": "database"}
