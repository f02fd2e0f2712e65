"""``flask --app web cache …``"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import click
import redis
from flask.cli import with_appcontext

from domain.cache.keys import KINDS
from web.cli.answers import json_option, told
from web.cli.dead_letters import who
from web.cli.projections import table
from web.context import container

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


@click.group()
def cache() -> None:
    """Look after the cache."""


@cache.command()
@json_option
@with_appcontext
def stats(as_json: bool) -> None:
    """Show what the caches of all processes do."""
    found = told(container().caching.stats)
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(_lines(found)))


@cache.command()
@click.option("--tenant", "tenant_id", help="Of this tenant; alone: all that it has.")
@click.option("--tag", "tags", multiple=True, help="A tag, such as user:ID or users; may be repeated.")
@click.option("--key", help="A key as documented.")
@click.option("--class", "query", type=click.Choice(list(KINDS)), help="All answers to a query.")
@click.option("--pattern", help="The beginning of keys and a *.")
@json_option
@with_appcontext
def invalidate(as_json: bool, **named: Any) -> None:
    """Let nothing be answered any more from what is cached now."""
    cleared = _told(lambda: container().caching.clearing.clear(**named))
    if as_json:
        click.echo(json.dumps({"tenants": cleared.tenants, "tags": list(cleared.tags)}, indent=2))
        return
    tenants = "all tenants" if cleared.tenants is None else f"{cleared.tenants:,} tenants"
    click.echo(f"Invalidated {', '.join(cleared.tags)} of {tenants}.")


@cache.command()
@click.option("--tenant", "tenant_id", help="Only this tenant's.")
@click.option("--limit", type=click.IntRange(1, 10_000), help="How many answers at most.")
@json_option
@with_appcontext
def warmup(tenant_id: str | None, limit: int | None, as_json: bool) -> None:
    """Load what is asked for most, here and now unless another process is at it."""
    warm_ups = container().caching.warm_ups
    job = _told(lambda: warm_ups.ask(who(), tenant_id, limit))
    while job["state"] in ("waiting", "running"):
        if not _told(warm_ups.drive):
            time.sleep(0.2)
        job = _told(partial(warm_ups.progress, job["id"]))
    if as_json:
        click.echo(json.dumps(job, indent=2))
    else:
        click.echo(f"{job['state']}: {job['loaded']:,} of {job['keys']:,} answers loaded in {job['seconds']:,.1f} s")


def _told(action: Any) -> Any:
    try:
        return told(action)
    except redis.RedisError as error:
        raise click.ClickException(f"The cache's Redis can't be used: {type(error).__name__}") from None


def _lines(found: dict[str, Any]) -> Iterator[str]:
    counters = found["counters"]
    rows = [["query", *_COLUMNS, "load ms", "hit ratio"]]
    for query in sorted(found["hit_ratios"]):
        cells = {level: by_query.get(query, {}) for level, by_query in counters.items()}
        numbers = [sum(cells.get(level, {}).get(name, 0) for name in names) for level, names in _COLUMNS.values()]
        load = cells.get("load", {})
        mean = load.get("load_us", 0) / load["load"] / 1000 if load.get("load") else 0.0
        rows.append([query, *(f"{number:,}" for number in numbers), f"{mean:,.1f}", _ratio(found["hit_ratios"][query])])
    yield from table(rows, words=1)
    yield ""
    yield f"hit ratio over all: {_ratio(found['hit_ratio'])}"
    for name, said in sorted(found["processes"].items()):
        l1, stream = said["l1"], said["stream"]
        yield (
            f"{name}: L1 {l1['bytes']:,} bytes in {l1['entries']:,} answers, {l1['evicted']:,} evicted; "
            f"stream {'-' if stream['lag'] is None else format(stream['lag'], '.1f')} s; "
            f"breaker {said['breaker']['state']}"
        )
    if (memory := found["redis"]) is None:
        yield "Redis does not answer"
    else:
        yield f"Redis: {memory['used_memory']:,} bytes, {memory['evicted_keys']:,} keys evicted"


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"
