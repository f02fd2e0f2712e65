"""What was measured of the queries, as tables, plots and results."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from tests.performance import plots
from tests.performance.questions import TABLE
from tests.performance.results import Result
from tests.performance.sections import Plot, Section, Table
from tests.performance.sent import Load

#: What the service's hot answers and its read models are to reach, in the order of TABLE.
AGAINST_ORM = (30.0, 60.0, 45.0, 100.0)
AGAINST_SQL = (8.0, 15.0, 12.0, 20.0)
AGAINST_BARE = 0.8
UNCACHED_AGAINST_ORM = (2.0, 2.0, 2.0, 5.0)

ORM, SQL, UNCACHED, L2, L1, BARE = "ORM", "hand-written SQL", "read models", "L2", "L1", "bare callable"
ALL = (ORM, SQL, UNCACHED, L2, L1, BARE)


class Sample(NamedTuple):
    """One run at saturation; *cpu* is seconds of all processes for 1,000 answers."""

    load: Load
    cpu: float


def ratio(found: dict[str, list[Sample]], ours: str, theirs: str) -> float:
    """The median of the rounds' ratios."""
    pairs = zip(found[ours], found[theirs], strict=True)
    return statistics.median(mine.load.rate / its.load.rate for mine, its in pairs)


def quantiles(latencies: Sequence[float]) -> tuple[float, float, float]:
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98]


def write(
    section: Section,
    saturated: dict[str, dict[str, list[Sample]]],
    rates: dict[tuple[str, float], tuple[dict[str, list[float]], float]],
    levels: dict[str, dict[str, dict[str, int]]],
) -> None:
    medians = {
        query: {name: statistics.median(sample.load.rate for sample in found[name]) for name in ALL}
        for query, found in saturated.items()
    }
    section.tables.append(
        Table(
            "Answers in a second, at saturation",
            ("query", *ALL),
            [(query, *(f"{medians[query][name]:,.0f}" for name in ALL)) for query in saturated],
        )
    )
    section.tables.append(
        Table(
            "L1 against the others, and the read models without cache, × as many answers",
            ("query", *(f"L1 : {name}" for name in ALL if name != L1), f"{UNCACHED} : {ORM}", f"{UNCACHED} : {SQL}"),
            [
                (
                    query,
                    *(f"{ratio(found, L1, name):.2f}" for name in ALL if name != L1),
                    f"{ratio(found, UNCACHED, ORM):.2f}",
                    f"{ratio(found, UNCACHED, SQL):.2f}",
                )
                for query, found in saturated.items()
            ],
        )
    )
    section.tables.append(
        Table(
            "CPU seconds of all processes (web, worker, clock, PostgreSQL, Valkey) for 1,000 answers",
            ("query", *ALL),
            [
                (query, *(f"{statistics.median(each.cpu for each in found[name]):.3f}" for name in ALL))
                for query, found in saturated.items()
            ],
        )
    )
    section.tables.append(
        Table(
            "Milliseconds at a fixed rate: p50 / p95 / p99",
            ("query", "rate", *ALL[:-1]),
            [
                (query, f"{rate:,.0f}/s", *(" / ".join(f"{cut:.2f}" for cut in quantiles(found[n])) for n in ALL[:-1]))
                for (query, _), (found, rate) in rates.items()
            ],
        )
    )
    section.tables.append(
        Table(
            "Where answers came from after the run, of 40 over connections of their own",
            ("query", L1, L2),
            [(query, str(found[L1]), str(found[L2])) for query, found in levels.items()],
        )
    )
    for place, query in enumerate(TABLE):
        if query not in saturated:
            continue
        found = saturated[query]
        for other, targets in ((ORM, AGAINST_ORM), (SQL, AGAINST_SQL)):
            section.results.append(
                Result(f"hot, {query} : {other}", medians[query][L1], "/s", ratio(found, L1, other), targets[place])
            )
        section.results.append(
            Result(f"hot, {query} : {BARE}", medians[query][L1], "/s", ratio(found, L1, BARE), AGAINST_BARE)
        )
        section.results.append(
            Result(
                f"without cache, {query} : {ORM}",
                medians[query][UNCACHED],
                "/s",
                ratio(found, UNCACHED, ORM),
                UNCACHED_AGAINST_ORM[place],
            )
        )
    section.plots.append(Plot("Answers in a second, at saturation", plots.bars(medians, log=True)))
    for (query, part), (found, rate) in rates.items():
        section.plots.append(
            Plot(f"Latency of {query} at {rate:,.0f}/s ({part:.0%} of what the ORM can)", plots.distribution(found))
        )
    section.data = {
        "rates": medians,
        "rounds": {
            query: {name: [[*sample.load, sample.cpu] for sample in found[name]] for name in ALL}
            for query, found in saturated.items()
        },
        "latencies": {
            f"{query} at {rate:.0f}/s": {name: quantiles(each) for name, each in found.items()}
            for (query, _), (found, rate) in rates.items()
        },
        "levels": levels,
    }
