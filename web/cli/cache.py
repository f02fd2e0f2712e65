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
from web.cli.answers import FAILED, UNREACHABLE, acting, json_option, refused, say, told, who
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

#: What invalidate() takes besides a tenant, of which one at most may be given.
_OPTIONS = {"tags": "--tag", "key": "--key", "query": "--class", "pattern": "--pattern"}

_PROCESS = ("process", "breaker", "L1 answers", "L1 bytes", "L1 evicted", "stream s")


@click.group()
def cache() -> None:
    """Look after the cache."""


@cache.command()
@json_option
@with_appcontext
def stats(as_json: bool) -> None:
    """Show what the caches of all processes do.

    Ends with status 4 where Redis does not answer: then it is what this process knows.
    """
    found = told(container().caching.stats)
    say(found, as_json, lambda: "\n".join(_lines(found)))
    if found["redis"] is None:
        sys.exit(UNREACHABLE)


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
    given = [_OPTIONS[name] for name, value in named.items() if value]
    if len(given) > 1:
        raise click.UsageError(f"{given[1]} can't be given together with {given[0]}.")
    if not given and tenant is None:
        raise click.UsageError(f"Say what: --tenant, {', '.join(_OPTIONS.values())}.")
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
    driver = _Driver(warm_ups, job["id"])
    driver.start()
    with counted("Warming up", quiet=as_json) as show:
        while job["state"] in ("waiting", "running"):
            time.sleep(0.05)
            job = told(partial(warm_ups.progress, job["id"]))
            show(job["done"], job["keys"], "")
    words = f"{job['state']}: {job['loaded']:,} of {job['keys']:,} answers loaded in {job['seconds']:,.1f} s"
    say(job, as_json, lambda: words)
    if job["state"] == "failed":
        # The state is told a moment before the driver ends. Where another process drove it, no more is known than that.
        driver.join(5)
        raise driver.refusal or SystemExit(FAILED)


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


class _Driver(Thread):
    """Runs warm-ups until one of them is over, unless another process does."""

    def __init__(self, warm_ups: WarmUps, id: str) -> None:
        super().__init__(name="warm-up", daemon=True)
        self._warm_ups = warm_ups
        self._id = id
        #: What is to be said of the error that it has ended by, if it has.
        self.refusal: click.ClickException | None = None

    def run(self) -> None:
        try:
            while self._warm_ups.progress(self._id)["state"] in ("waiting", "running"):
                if not self._warm_ups.drive():
                    time.sleep(0.2)
        except Exception as error:
            # Whoever watches sees that it has failed, or that Redis is away.
            log.warning("The warm-up ended here.", error=type(error).__name__)
            self.refusal = refused(error)
