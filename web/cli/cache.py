"""``flask --app web cache …``"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from threading import Thread
from typing import Any

import click
import structlog
from flask.cli import with_appcontext

from domain.cache.keys import KINDS
from domain.cache.warm_ups import WarmUps
from web import operations
from web.cli.answers import FAILED, acting, json_option, say, told, who
from web.cli.ids import tenant_id
from web.cli.progress import counted
from web.cli.tables import table
from web.context import container

log = structlog.get_logger(__name__)

#: What the table shows of each query: the heading, and the level and names of the counters that are added up.
_COLUMNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "L1 hits": ("l1", ("hit", "absent_hit")),
    "L2 hits": ("l2", ("hit", "absent_hit")),
    "misses": ("l2", ("miss",)),
    "stale": ("l2", ("stale",)),
    "coalesced": ("l2", ("coalesced",)),
    "bypassed": ("l2", ("bypass",)),
    "rejected": ("l2", ("rejected",)),
    "warmed": ("l2", ("warm",)),
    "loads": ("load", ("load",)),
}

_PROCESS = ("process", "breaker", "L1 answers", "L1 bytes", "L1 evicted", "stream s")


@click.group()
def cache() -> None:
    """Look after the cache."""


@cache.command()
@json_option
@with_appcontext
def stats(as_json: bool) -> None:
    """Show what the caches of all processes do."""
    found = told(container().caching.stats)
    say(found, as_json, lambda: "\n".join(_lines(found)))


@cache.command()
@click.option("--tenant", help="Of this tenant, an id or a slug; alone: all that it has.")
@click.option("--tag", "tags", multiple=True, help="A tag, such as user:ID or users; may be repeated.")
@click.option("--key", help="A key as documented.")
@click.option("--class", "query", type=click.Choice(list(KINDS)), help="All answers to a query.")
@click.option("--pattern", help="The beginning of keys and a *.")
@json_option
@with_appcontext
def invalidate(tenant: str | None, as_json: bool, **named: Any) -> None:
    """Let nothing be answered any more from what is cached now."""
    cleared = acting(lambda: operations.invalidate(tenant_id=_id(tenant), **named))
    tenants = "all tenants" if cleared.tenants is None else f"{cleared.tenants:,} tenants"
    words = f"Invalidated {', '.join(cleared.tags)} of {tenants}."
    say({"tenants": cleared.tenants, "tags": list(cleared.tags)}, as_json, lambda: words)


@cache.command()
@click.option("--tenant", help="Only this tenant's, an id or a slug.")
@click.option("--limit", type=click.IntRange(1, 10_000), help="How many answers at most.")
@json_option
@with_appcontext
def warmup(tenant: str | None, limit: int | None, as_json: bool) -> None:
    """Load what is asked for most, here and now unless another process is at it."""
    warm_ups = container().caching.warm_ups
    job = told(lambda: warm_ups.ask(who(), _id(tenant), limit))
    driver = Thread(target=_drive, args=(warm_ups, job["id"]), daemon=True)
    driver.start()
    with counted("Warming up", quiet=as_json) as show:
        while job["state"] in ("waiting", "running"):
            time.sleep(0.05)
            job = told(partial(warm_ups.progress, job["id"]))
            show(job["done"], job["keys"], "")
    words = f"{job['state']}: {job['loaded']:,} of {job['keys']:,} answers loaded in {job['seconds']:,.1f} s"
    say(job, as_json, lambda: words)
    if job["state"] == "failed":
        sys.exit(FAILED)


def _id(tenant: str | None) -> str | None:
    # An empty name is that of no tenant, and does not mean all of them.
    return None if tenant is None else tenant_id(tenant)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    counters = found["counters"]
    rows: list[Sequence[Any]] = []
    for query in sorted(found["hit_ratios"]):
        cells = {level: by_query.get(query, {}) for level, by_query in counters.items()}
        numbers = [sum(cells.get(level, {}).get(name, 0) for name in names) for level, names in _COLUMNS.values()]
        load = cells.get("load", {})
        mean = load.get("load_us", 0) / load["load"] / 1000 if load.get("load") else 0.0
        rows.append([query, *numbers, mean, _ratio(found["hit_ratios"][query])])
    yield table(["query", *_COLUMNS, "load ms", "hit ratio"], rows)
    yield ""
    yield f"hit ratio over all: {_ratio(found['hit_ratio'])}"
    if found["processes"]:
        yield ""
        yield table(_PROCESS, (_process(name, said) for name, said in sorted(found["processes"].items())), words=2)
    yield ""
    if (memory := found["redis"]) is None:
        yield "Redis does not answer"
    else:
        most = f"of {memory['maxmemory']:,}" if memory["maxmemory"] else "without a bound"
        yield (
            f"Redis: {memory['used_memory']:,} bytes {most}, {memory['evicted_keys']:,} keys evicted "
            f"({memory['maxmemory_policy']})"
        )


def _process(name: str, said: dict[str, Any]) -> list[Any]:
    l1 = said["l1"]
    return [name, said["breaker"]["state"], l1["entries"], l1["bytes"], l1["evicted"], said["stream"]["lag"]]


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"


def _drive(warm_ups: WarmUps, id: str) -> None:
    """Run warm-ups until that one is over, unless another process does."""
    try:
        while warm_ups.progress(id)["state"] in ("waiting", "running"):
            if not warm_ups.drive():
                time.sleep(0.2)
    except Exception as error:
        # Whoever watches sees that it has failed, or that Redis is away.
        log.warning("The warm-up ended here.", error=type(error).__name__)
