"""All benchmarks in one run: ``make bench``, ``make bench ARGS=--short``, ``make bench ARGS=--growth``.

The report goes into the folder ``report``. A missed target is no error: it stands in the report. What makes the run
fail is that something doesn't work, or that two answers which have to be equal are not.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import click

from tests.performance import bench_growth, bench_queries, machine, report
from tests.performance.sections import Section
from tests.performance.world import machinery
from tests.performance.wrk import wrk

#: Modules with a function run(short=…) that returns results, and bring their own servers.
PARTS = {
    "bench_commands": "Commands",
    "bench_append": "Appending events",
    "bench_import": "Importing users",
    "bench_projections": "Projections and rebuilds",
    "bench_lag": "From a command to what shows it",
    "bench_cache": "What a hit costs",
}

#: What a part does less of, unless all is to grow: these would take as long as all the rest.
LESS: dict[str, dict[str, int]] = {"bench_projections": {"events": 200_000, "compared": 10_000}}

#: About how many steps the bar has in each form.
STEPS = {"short": 60, "full": 330}


class Progress:
    """A bar on a terminal, a line now and then elsewhere."""

    def __init__(self, steps: int) -> None:
        self._bar = click.progressbar(length=steps, file=sys.stderr, item_show_func=lambda what: what, width=24)
        self._terminal = sys.stderr.isatty()
        self._began = time.monotonic()
        self._said = 0.0

    def tick(self, what: str) -> None:
        if self._terminal:
            self._bar.update(1, what)
        elif time.monotonic() - self._said > 5:
            self._said = time.monotonic()
            print(f"… {self._said - self._began:4.0f} s  {what}", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._terminal:
            self._bar.update(self._bar.length or 0)
            print(file=sys.stderr)


def other_parts(tick: Callable[[str], None], *, short: bool, growth: bool) -> Iterator[Section]:
    """Run the parts that bring servers of their own."""
    for module, title in PARTS.items():
        tick(title)
        part = import_module(f"tests.performance.{module}")
        less = {} if growth or short else LESS.get(module, {})
        yield Section(title, part.__doc__ or "", part.run(short=short, **less))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="only see that all of it works, in a minute or two")
    parser.add_argument("--growth", action="store_true", help="grow to 1,000,000 users, which takes minutes more")
    parser.add_argument("--only", choices=["queries", "growth", "parts"], help="do one part of it")
    parser.add_argument("--report", type=Path, default=Path("report"), help="the folder to write to")
    options = parser.parse_args()
    # Whoever ends it by a signal wants the servers that it started gone too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wrk()
    begin = time.monotonic()
    progress = Progress(STEPS["short" if options.short else "full"])
    form = "short" if options.short else "growth" if options.growth else "full"
    sections: list[Section] = []
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with machinery(directory) as servers:
            facts = machine.facts(servers)

            def done(*more: Section) -> None:
                # Written each time, so that what was measured is not lost to what fails later.
                sections.extend(more)
                report.write(options.report, facts, sections, form=form, seconds=time.monotonic() - begin)

            if options.only in (None, "queries"):
                done(bench_queries.run(servers, directory, progress.tick, short=options.short))
            if options.only in (None, "growth"):
                done(*bench_growth.run(servers, directory, progress.tick, short=options.short, growth=options.growth))
    if options.only in (None, "parts"):
        for section in other_parts(progress.tick, short=options.short, growth=options.growth):
            done(section)
    progress.end()
    table = report.to_reach(sections)
    width = max((len(row[0]) for row in table.rows), default=0)
    for name, value, ratio, target, reached in table.rows:
        print(f"{name:{width}}  {value:>20}  {ratio:>10}  {target:>6}  {reached}")
    print(f"\nThe report is in {options.report}/bench.html, bench.md and bench.json.")
    return 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
